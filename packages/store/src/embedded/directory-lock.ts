import { createHash } from 'node:crypto'
import { open, readdir, rm, stat, utimes } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { EmbeddedDatabaseError } from './errors.ts'
import { processNamespace, processStartTime } from './processes.ts'

const HEARTBEAT_MS = 3_000
/** A holder that cannot be looked up is taken for dead when it has not touched its file for this long. */
const SILENCE_MS = 10_000
/** How long one waits for others who came at the same moment to step back. */
const CONTEST_MS = 1_000

/** Who holds, or wants, a directory: all that has to be known of a process is in the name of its file. */
interface Claim {
  readonly name: string
  readonly pid: number
  /** Of when the process started: a number is used again, but not with the same start. */
  readonly start: string
  /** Of the container and the boot in which the number means something. */
  readonly namespace: string
}

/**
 * Keeps a second process away from a data directory. Node has no `flock`, so every process puts up a file with a name of
 * its own and then looks for those of others: of two that come together at least one sees the other, and the file of a
 * process that has died can be removed without ever hitting a living one's. Whether a process lives is known from its id
 * and start time, or, when it belongs to another container or was there before a reboot, from its touching its file.
 */
export class DirectoryLock {
  readonly #path: string
  readonly #heartbeat: NodeJS.Timeout

  private constructor(path: string) {
    this.#path = path
    this.#heartbeat = setInterval(() => {
      const now = new Date()
      utimes(path, now, now).catch(() => undefined)
    }, HEARTBEAT_MS)
    this.#heartbeat.unref()
  }

  /**
   * Takes the lock of a directory that exists. Throws `EmbeddedDatabaseError` when another process holds it. `silenceMs` is
   * for how long a holder that cannot be looked up has to be silent to be taken for dead; 10 s when absent.
   */
  static async acquire(directory: string, silenceMs = SILENCE_MS): Promise<DirectoryLock> {
    const own = claimOf({
      pid: process.pid,
      start: digest(await processStartTime(process.pid)),
      namespace: digest(await processNamespace()),
    })
    const path = join(directory, own.name)
    try {
      await (await open(path, 'wx')).close()
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'EEXIST') throw inUse(directory, own)
      throw error
    }
    const lock = new DirectoryLock(path)
    try {
      const end = performance.now() + CONTEST_MS
      for (;;) {
        const other = await findLiving(directory, own, silenceMs)
        if (other === undefined) return lock
        // Of those who came together the first by name stays; one who was there before does not go.
        if (other.name < own.name || performance.now() > end) throw inUse(directory, other)
        await sleep(20)
      }
    } catch (error) {
      await lock.release()
      throw error
    }
  }

  /** Gives the lock back. */
  async release(): Promise<void> {
    clearInterval(this.#heartbeat)
    await rm(this.#path, { force: true })
  }
}

function inUse(directory: string, holder: Claim): EmbeddedDatabaseError {
  return new EmbeddedDatabaseError(
    `${directory} is in use by another Hearth process (pid ${holder.pid}). ` +
      `Stop that one first, or give this one a data_dir of its own.`,
  )
}

function digest(text: string): string {
  return createHash('sha256').update(text).digest('hex').slice(0, 12)
}

function claimOf({ pid, start, namespace }: Omit<Claim, 'name'>): Claim {
  return { name: `hearth.lock.${pid}.${start}.${namespace}`, pid, start, namespace }
}

function parseClaim(name: string): Claim | undefined {
  const [, pid, start, namespace] = /^hearth\.lock\.(\d+)\.([0-9a-f]+)\.([0-9a-f]+)$/.exec(name) ?? []
  if (pid === undefined || start === undefined || namespace === undefined) return undefined
  return claimOf({ pid: Number(pid), start, namespace })
}

/** The first claim of another living process; removes those of dead ones. */
async function findLiving(directory: string, own: Claim, silenceMs: number): Promise<Claim | undefined> {
  for (const name of (await readdir(directory)).sort()) {
    const claim = parseClaim(name)
    if (claim === undefined || claim.name === own.name) continue
    const path = join(directory, name)
    if (await (claim.namespace === own.namespace ? isRunning(claim) : isTouched(path, silenceMs))) return claim
    await rm(path, { force: true })
  }
  return undefined
}

async function isRunning({ pid, start }: Claim): Promise<boolean> {
  const startTime = await processStartTime(pid).catch(() => undefined)
  return startTime !== undefined && digest(startTime) === start
}

async function isTouched(path: string, silenceMs: number): Promise<boolean> {
  const seen = await touchedAt(path)
  if (seen === undefined || Math.abs(Date.now() - seen) > 6 * SILENCE_MS) return false
  for (let waited = 0; waited < silenceMs; waited += 500) {
    await sleep(500)
    const now = await touchedAt(path)
    if (now !== seen) return now !== undefined
  }
  return false
}

async function touchedAt(path: string): Promise<number | undefined> {
  return (await stat(path).catch(() => undefined))?.mtimeMs
}
