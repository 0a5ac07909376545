import { readdir, readFile } from 'node:fs/promises'

/** Memory of a process in bytes. */
export interface ProcessMemory {
  /** The process itself: resident set size. */
  readonly own: number
  /** Its PostgreSQL, when that is among its descendants: pages shared between the back ends count once. */
  readonly database: number
}

/** Reads the memory of a process and of its descendants from /proc. @returns undefined where there is no /proc */
export async function processMemory(pid: number): Promise<ProcessMemory | undefined> {
  const own = await field(`/proc/${pid}/status`, 'VmRSS')
  if (own === undefined) return undefined
  let database = 0
  for (const child of await descendants(pid)) {
    const name = (await readFile(`/proc/${child}/comm`, 'utf8').catch(() => '')).trim()
    if (name.startsWith('postgres')) database += (await field(`/proc/${child}/smaps_rollup`, 'Pss')) ?? 0
  }
  return { own, database }
}

async function field(file: string, name: string): Promise<number | undefined> {
  const text = await readFile(file, 'utf8').catch(() => '')
  const kilobytes = new RegExp(`^${name}:\\s+(\\d+) kB`, 'm').exec(text)?.[1]
  return kilobytes === undefined ? undefined : Number(kilobytes) * 1024
}

async function descendants(pid: number): Promise<number[]> {
  const parents = new Map<number, number>()
  for (const entry of await readdir('/proc').catch(() => [])) {
    if (!/^\d+$/.test(entry)) continue
    const stat = await readFile(`/proc/${entry}/stat`, 'utf8').catch(() => '')
    // The name in parentheses may hold anything; the state and the parent follow its last parenthesis.
    const parent = Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[1])
    parents.set(Number(entry), parent)
  }
  const isBelow = (candidate: number | undefined): boolean =>
    candidate !== undefined && candidate > 1 && (parents.get(candidate) === pid || isBelow(parents.get(candidate)))
  return [...parents.keys()].filter((candidate) => isBelow(candidate))
}
