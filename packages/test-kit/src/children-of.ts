import { readdirSync, readFileSync } from 'node:fs'

/** The processes that a process started, with what they call themselves. Linux only. */
export function childrenOf(parent: number): { pid: number; title: string }[] {
  const pids = readdirSync('/proc').filter((name) => /^\d+$/.test(name))
  return pids.flatMap((pid) => {
    try {
      const stat = readFileSync(`/proc/${pid}/stat`, 'utf8')
      if (Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[1]) !== parent) return []
      return [{ pid: Number(pid), title: readFileSync(`/proc/${pid}/cmdline`, 'utf8') }]
    } catch {
      // It has ended.
      return []
    }
  })
}
