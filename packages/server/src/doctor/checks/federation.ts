import { readFile } from 'node:fs/promises'
import { parseSigningKey } from '@hearth/crypto'
import { isJsonObject } from '@hearth/protocol'
import { signingKeyPath } from '../../compose/signing-key-file.ts'
import { error, ok, reasonOf, skipped, type Check, type DoctorContext, type Finding } from '../finding.ts'
import { namesOf } from '../names.ts'

/** Finds this server as another would, and asks it what others ask first: the version and the keys. */
export const checkFederation: Check = async (context, signal) => {
  const { config, federationClient } = context
  if (!config.federation.enabled) return [skipped('federation.enabled is false')]
  if (namesOf(config).isLocal)
    return [skipped('server_name is a name of this machine, which nobody elsewhere can reach')]
  const options = { signal }
  let version: string
  try {
    const { name = 'something', version: number = '' } = (await federationClient.getVersion(
      config.serverName,
      options,
    )) as {
      name?: string
      version?: string
    }
    version = `${name} ${number}`.trim()
  } catch (failure) {
    const fix =
      'docs/federation.md, "Let others find you"; if it works from another machine, your router sends no one back to himself'
    return [error(`${config.serverName} is not found as other servers look for it: ${reasonOf(failure)}`, fix)]
  }
  return [ok(`${config.serverName} is found and answers as ${version}`), ...(await checkKey(context, signal))]
}

async function checkKey({ config, federationClient }: DoctorContext, signal: AbortSignal): Promise<Finding[]> {
  const path = signingKeyPath(config.dataDir)
  const text = await readFile(path, 'utf8').catch(() => undefined)
  if (text === undefined) return [skipped(`there is no ${path} yet to compare the published key with`)]
  const own = parseSigningKey(text)
  const { verify_keys: keys } = await federationClient.getServerKeys(config.serverName, { signal })
  const published = isJsonObject(keys) ? keys[own.keyId] : undefined
  const key = isJsonObject(published) ? published['key'] : undefined
  if (key !== own.publicKey) {
    const fix = `whoever answers for ${config.serverName} is another server, or a process with another ${path}`
    return [error(`the key ${own.keyId} of this server is not the one that is published`, fix)]
  }
  return [ok(`the published key is ${own.keyId}, that of this server`)]
}
