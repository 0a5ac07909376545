import { access, constants, stat, statfs } from 'node:fs/promises'
import { dirname } from 'node:path'
import { signingKeyPath } from '../../compose/signing-key-file.ts'
import { error, ok, warning, type Check, type Finding } from '../finding.ts'

const GIB = 1024 ** 3

/** There is room in the data directory, it can be written to, and the key in it is for nobody else's eyes. */
export const checkDiskSpace: Check = async ({ config: { dataDir } }) => {
  const directory = await nearestExisting(dataDir)
  const writable = await access(directory, constants.W_OK).then(
    () => true,
    () => false,
  )
  if (!writable) return [error(`${directory} cannot be written to`, `chown -R <the account of Hearth> ${directory}`)]
  const { bavail, bsize, ffree, files } = await statfs(directory)
  const free = bavail * bsize
  const findings: Finding[] = []
  const text = `${(free / GIB).toFixed(1)} GiB are free for ${dataDir}`
  const fix = 'a larger disk, or data_dir on another one'
  if (free < GIB / 4) findings.push(error(text, fix))
  else if (free < 2 * GIB) findings.push(warning(text, fix))
  else findings.push(ok(text))
  if (files > 0 && ffree / files < 0.05) {
    findings.push(warning(`only ${ffree} of ${files} inodes are free for ${dataDir}`, fix))
  }
  const key = await stat(signingKeyPath(dataDir)).catch(() => undefined)
  if (key && (key.mode & 0o077) !== 0 && (key.mode & 0o007) !== 0) {
    const path = signingKeyPath(dataDir)
    findings.push(error(`everybody on this machine can read ${path}, and speak for this server`, `chmod 600 ${path}`))
  }
  return findings
}

async function nearestExisting(path: string): Promise<string> {
  for (let at = path; ; at = dirname(at)) {
    if (await stat(at).catch(() => undefined)) return at
    if (at === dirname(at)) return at
  }
}
