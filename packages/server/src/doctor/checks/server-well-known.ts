import { isJsonObject, isServerName } from '@hearth/protocol'
import { error, ok, reasonOf, skipped, warning, type Check } from '../finding.ts'
import { namesOf } from '../names.ts'

/** What other servers ask the server name's host first: where the server is. */
export const checkServerWellKnown: Check = async ({ config, requests, network }, signal) => {
  if (!config.federation.enabled) return [skipped('federation.enabled is false')]
  const { serverHost, isPlain, isLocal, publicUrl } = namesOf(config)
  if (isLocal || !isPlain) return [skipped('nothing is looked up for a server name with a port, or an address')]
  const url = new URL(`https://${serverHost}/.well-known/matrix/server`)
  const fix = `in the server block of ${serverHost}: location /.well-known/matrix/ { proxy_pass http://hearth; }`
  const otherwise = async (what: string) => {
    const srv = await network.srvRecords(`_matrix-fed._tcp.${serverHost}`).catch(() => [])
    if (srv.length > 0) return [ok(`${what}, and DNS has an SRV record`)]
    return [warning(`${what}, and DNS has no SRV record: others try port 8448 of ${serverHost}`, fix)]
  }
  try {
    const { status, json } = await requests.ask(url, { signal })
    if (status !== 200) return await otherwise(`${url.href} answers ${status}`)
    const target = isJsonObject(json) ? json['m.server'] : undefined
    if (typeof target !== 'string' || !isServerName(target)) {
      return [error(`${url.href} names no server`, `{"m.server": "${publicUrl.hostname}:${publicUrl.port || 443}"}`)]
    }
    return [ok(`other servers are sent to ${target}`)]
  } catch (failure) {
    return await otherwise(`${url.href} gives no answer (${reasonOf(failure)})`)
  }
}
