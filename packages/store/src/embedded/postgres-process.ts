import { spawn, type ChildProcessByStdio } from 'node:child_process'
import { createInterface } from 'node:readline'
import type { Readable } from 'node:stream'
import type { Logger } from '@hearth/runtime'
import type { Account } from './account.ts'
import { programEnvironment } from './cluster.ts'
import { EmbeddedDatabaseError, programFailure } from './errors.ts'
import { signalProcess } from './leftovers.ts'

/** How long replaying the log after a crash may take. */
const READY_TIMEOUT_MS = 300_000
/** How long the output of a server that has ended is waited for. */
const LAST_WORDS_MS = 300
const KEPT_LINES = 20

export interface PostgresProcessDeps {
  readonly program: string
  /** The cluster, as the working directory and as PostgreSQL is to call it. */
  readonly cluster: string
  readonly clusterName: string
  readonly socketDirectory: string
  readonly account: Account | undefined
  readonly logger: Logger
  /** Called when it has been started, before it accepts connections. */
  readonly onWaiting?: (() => void) | undefined
}

/** One run of the PostgreSQL server as a child process. */
export class PostgresProcess {
  readonly pid: number
  /** Resolves when it has ended, for whatever reason. */
  readonly exited: Promise<string>
  readonly #child: ChildProcessByStdio<null, null, Readable>
  #ended = false

  private constructor(child: ChildProcessByStdio<null, null, Readable>, pid: number, exited: Promise<string>) {
    this.#child = child
    this.pid = pid
    this.exited = exited
    void exited.then(() => (this.#ended = true))
  }

  /** Starts the server and resolves when it accepts connections. */
  static async start(deps: PostgresProcessDeps): Promise<PostgresProcess> {
    const child = spawn(
      deps.program,
      [`-D`, deps.clusterName, '-c', 'listen_addresses=', '-c', `unix_socket_directories=${deps.socketDirectory}`],
      {
        cwd: deps.cluster,
        env: programEnvironment,
        stdio: ['ignore', 'ignore', 'pipe'],
        // In a session of its own: Ctrl-C in a terminal is for Hearth, which stops its server last.
        detached: true,
        ...deps.account,
      },
    )
    const lastLines: string[] = []
    const ready = Promise.withResolvers<void>()
    createInterface({ input: child.stderr }).on('line', (line) => {
      lastLines.push(line)
      if (lastLines.length > KEPT_LINES) lastLines.shift()
      logLine(deps.logger, line)
      if (line.includes('database system is ready to accept connections')) ready.resolve()
    })
    const exited = new Promise<string>((resolve) => {
      child.on('error', (error) => resolve(programFailure(error)))
      const end = (code: number | null, signal: string | null): void => resolve(signal ?? `exit status ${code}`)
      child.on('close', end)
      // Sessions that are at work survive a killed server, and hold its output open for as long as they are.
      child.on('exit', (code, signal) => setTimeout(end, LAST_WORDS_MS, code, signal))
    })
    const failed = exited.then((reason) => {
      throw new EmbeddedDatabaseError(`PostgreSQL did not start (${reason}): ${lastLines.join('\n')}`)
    })
    deps.onWaiting?.()
    const late = setTimeout(() => {
      child.kill('SIGQUIT')
      ready.reject(new EmbeddedDatabaseError(`PostgreSQL was not ready after ${READY_TIMEOUT_MS / 1000} s`))
    }, READY_TIMEOUT_MS)
    try {
      await Promise.race([ready.promise, failed])
    } finally {
      clearTimeout(late)
      failed.catch(() => undefined)
    }
    // From here on it is not what keeps Node running.
    child.unref()
    ;(child.stderr as unknown as { unref?: () => void }).unref?.()
    return new PostgresProcess(child, child.pid!, exited)
  }

  /**
   * Ends it within so many milliseconds: sessions are cut, a checkpoint is written. Harder when that takes most of the
   * time; the next start then recovers.
   */
  async stop(withinMs: number): Promise<void> {
    if (this.#ended) return
    this.#child.ref()
    signalProcess(this.pid, 'SIGINT')
    if (await this.#exitedWithin(withinMs * 0.7)) return
    signalProcess(this.pid, 'SIGQUIT')
    if (await this.#exitedWithin(withinMs * 0.2)) return
    signalProcess(this.pid, 'SIGKILL')
    await this.exited
  }

  /** Asks it to end, without waiting: for the last moment of the process. */
  signalStop(): void {
    if (!this.#ended) signalProcess(this.pid, 'SIGINT')
  }

  async #exitedWithin(ms: number): Promise<boolean> {
    const timeout = Promise.withResolvers<boolean>()
    const timer = setTimeout(() => timeout.resolve(false), ms)
    try {
      return await Promise.race([this.exited.then(() => true), timeout.promise])
    } finally {
      clearTimeout(timer)
    }
  }
}

function logLine(logger: Logger, line: string): void {
  const [, severity, text] = /^([A-Z]+): +(.*)$/.exec(line) ?? []
  if (severity === 'LOG') logger.debug('postgres', { text })
  else if (severity === 'PANIC') logger.error('postgres', { text })
  else if (line.trim() !== '') logger.warn('postgres', { text: text ?? line })
}
