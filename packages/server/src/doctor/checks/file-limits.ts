import { readFile } from 'node:fs/promises'
import { error, ok, skipped, warning, type Finding } from '../finding.ts'

/** What Hearth's listeners take, and as many again for the database, other servers and files. */
const ENOUGH = 20_000
const TOO_FEW = 2_000
const fix = 'LimitNOFILE=65536 (systemd), ulimits: {nofile: 65536} (compose), or ulimit -n 65536 before the start'

/** As many files and connections may be open as clients will want. What is looked at is this command's own limit. */
export async function checkFileLimits(): Promise<readonly Finding[]> {
  const text = await readFile('/proc/self/limits', 'utf8').catch(() => '')
  const [, hard] = /^Max open files\s+\S+\s+(\S+)/m.exec(text) ?? []
  if (hard === undefined) return [skipped('this system does not say how many files may be open')]
  return [judgeFileLimit(hard === 'unlimited' ? Infinity : Number(hard))]
}

/** Node takes all that the hard limit allows. */
export function judgeFileLimit(hard: number): Finding {
  if (hard < TOO_FEW) return error(`only ${hard} files and connections may be open`, fix)
  if (hard < ENOUGH) return warning(`${hard} files and connections may be open, fewer than a large server needs`, fix)
  return ok(`${hard} files and connections may be open`)
}
