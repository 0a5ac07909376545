import { readFile, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Logger } from '@hearth/runtime'
import { EmbeddedDatabaseError } from './errors.ts'
import { clusterProcesses } from './processes.ts'
import { removeSocketDirectory, SOCKET_NAME } from './socket-directory.ts'

const POLL_MS = 25

/**
 * Stops what an earlier Hearth process that was killed left running in the cluster, and clears what keeps a new server
 * from starting. The caller holds the data directory's lock. Costs nothing after a clean shutdown.
 */
export async function clearLeftovers(cluster: string, logger: Logger): Promise<void> {
  const pidFile = join(cluster, 'postmaster.pid')
  const lines = (await readFile(pidFile, 'utf8').catch(() => undefined))?.split('\n')
  if (lines === undefined) return
  const postmaster = Number(lines[0])
  const socketDirectory = lines[4]

  const running = (): Promise<number[]> => clusterProcesses(cluster, postmaster)
  const found = await running()
  if (found.length > 0) {
    logger.warn('stopping the PostgreSQL that an earlier process left behind', { pid: postmaster })
    // Fast shutdown, immediate shutdown, force. Without its postmaster a session ends by itself in an instant.
    const orphaned = !found.includes(postmaster)
    const gone =
      (await endWithin(orphaned ? 500 : 8_000, 'SIGINT', orphaned ? [] : [postmaster], running)) ||
      (await endWithin(3_000, 'SIGQUIT', await running(), running)) ||
      (await endWithin(3_000, 'SIGKILL', await running(), running))
    if (!gone) throw new EmbeddedDatabaseError(`PostgreSQL (pid ${postmaster}) still runs in ${cluster}: stop it first`)
  }
  if (isTaken(postmaster)) {
    // Another program has the number now, or nobody has collected the dead server's exit status: PostgreSQL would take it
    // for a server that lives and refuse to start.
    for (const file of [pidFile, join(cluster, SOCKET_NAME), join(cluster, `${SOCKET_NAME}.lock`)]) {
      await rm(file, { force: true })
    }
  }
  if (socketDirectory !== undefined) await removeSocketDirectory(socketDirectory)
}

async function endWithin(
  limitMs: number,
  signal: NodeJS.Signals,
  pids: readonly number[],
  running: () => Promise<number[]>,
): Promise<boolean> {
  for (const pid of pids) signalProcess(pid, signal)
  for (let waited = 0; waited < limitMs; waited += POLL_MS) {
    if ((await running()).length === 0) return true
    await sleep(POLL_MS)
  }
  return false
}

/** Sends a signal to a process that may have ended. */
export function signalProcess(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(pid, signal)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error
  }
}

function isTaken(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return true
  } catch {
    return false
  }
}
