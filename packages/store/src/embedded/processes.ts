import { execFile } from 'node:child_process'
import { readdir, readFile, readlink, realpath } from 'node:fs/promises'
import { promisify } from 'node:util'

const run = promisify(execFile)

/** When a process started, in a form that only serves to be compared. Throws when there is no such process. */
export async function processStartTime(pid: number): Promise<string> {
  if (process.platform === 'linux') {
    const text = await readFile(`/proc/${pid}/stat`, 'utf8')
    // The second field is the program's name in parentheses and may hold anything; the start time is the 22nd.
    const fields = text.slice(text.lastIndexOf(')') + 2).split(' ')
    // A process that has ended but was not waited for by its parent is no longer alive.
    if (fields[0] === 'Z') throw new Error(`process ${pid} has ended`)
    return fields[19]!
  }
  return (await run('ps', ['-o', 'lstart=', '-p', String(pid)])).stdout.trim()
}

/** Where and since when process ids mean something: the container and the boot, as far as the system tells. */
export async function processNamespace(): Promise<string> {
  if (process.platform === 'linux') {
    const [boot, namespace] = await Promise.all([
      readFile('/proc/sys/kernel/random/boot_id', 'utf8').catch(() => ''),
      readlink('/proc/self/ns/pid').catch(() => ''),
    ])
    return `${boot.trim()} ${namespace}`
  }
  return (await run('sysctl', ['-n', 'kern.boottime'])).stdout.trim()
}

/**
 * The processes of a cluster: PostgreSQL's, all of which work in its directory. Where processes cannot be listed that way,
 * `postmaster` alone, if its command line names the directory.
 */
export async function clusterProcesses(directory: string, postmaster: number | undefined): Promise<number[]> {
  const real = await realpath(directory)
  if (process.platform === 'linux') {
    const pids = (await readdir('/proc')).map(Number).filter((pid) => pid > 0)
    const found = await Promise.all(
      pids.map(async (pid) => {
        const [cwd, name] = await Promise.all([
          readlink(`/proc/${pid}/cwd`).catch(() => undefined),
          readFile(`/proc/${pid}/comm`, 'utf8').catch(() => ''),
        ])
        return cwd === real && name.trim() === 'postgres' ? pid : undefined
      }),
    )
    return found.filter((pid) => pid !== undefined)
  }
  if (postmaster === undefined) return []
  const command = await run('ps', ['-o', 'command=', '-p', String(postmaster)]).then(
    ({ stdout }) => stdout,
    () => '',
  )
  return command.includes('postgres') && command.includes(real) ? [postmaster] : []
}
