import { spawn, type ChildProcessByStdio } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { copyFile, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import type { Readable } from 'node:stream'
import { setTimeout as sleep } from 'node:timers/promises'
import { childrenOf } from './children-of.ts'
import { TestClient } from './test-client.ts'
import type { TestDatabase } from './test-postgres.ts'

export interface ServerProcessOptions {
  /** Settings as environment variables: `HEARTH_REGISTRATION_MODE`. */
  readonly settings?: Readonly<Record<string, string>>
  /** A database to run on; its own embedded PostgreSQL when absent. */
  readonly database?: TestDatabase
  /** What another server has left, a backup restored for one; a new one when absent. It is removed in the end. */
  readonly dataDir?: string
  /** Another process of the same deployment, whose signing key this one has too. `database` has to be the same. */
  readonly beside?: ServerProcess
  /** Runs what was built last, as `scripts/hearth` does: for what is measured. */
  readonly built?: boolean
}

const repository = join(import.meta.dirname, '../../..')
const main = join(repository, 'packages/server/src/main.ts')
const script = join(repository, 'scripts/hearth')
const readyLimitMs = 60_000
const exitLimitMs = 30_000
const keptLines = 40
const busyLimitMs = 200

const defaults = {
  HEARTH_SERVER_NAME: 'hearth.test',
  HEARTH_LISTEN: 'http://127.0.0.1:0',
  HEARTH_REGISTRATION_MODE: 'open',
  HEARTH_RATE_LIMITS_ENABLED: 'false',
  HEARTH_LOG_LEVEL: 'info',
}

/**
 * A server in a process of its own, run as an administrator would, but from the sources as tests are. It can be killed, with its PostgreSQL or without, and started again on what it left behind.
 */
export class ServerProcess {
  readonly dataDir: string
  readonly #options: ServerProcessOptions
  readonly #lines: string[] = []
  readonly #errors: string[] = []
  readonly #onExit = (): void => this.#endEverything()
  #child: ChildProcessByStdio<null, Readable, Readable> | undefined
  #url = ''

  private constructor(dataDir: string, options: ServerProcessOptions) {
    this.dataDir = dataDir
    this.#options = options
    process.on('exit', this.#onExit)
  }

  static async start(options: ServerProcessOptions = {}): Promise<ServerProcess> {
    const server = await ServerProcess.prepare(options)
    try {
      await server.launch()
    } catch (error) {
      await server.stop()
      throw error
    }
    return server
  }

  /** A server whose data directory is there and empty, and that was not started yet. */
  static async prepare(options: ServerProcessOptions = {}): Promise<ServerProcess> {
    const dataDir = options.dataDir ?? (await mkdtemp(join(tmpdir(), 'hearth-process-')))
    if (options.beside) await copyFile(join(options.beside.dataDir, 'signing.key'), join(dataDir, 'signing.key'))
    return new ServerProcess(dataDir, options)
  }

  /** Where the process that runs now listens; it changes with every launch. */
  get url(): string {
    return this.#url
  }

  /** Where the database is reached. */
  get databaseUrl(): string {
    const socket = encodeURIComponent(join(this.dataDir, 'postgres'))
    return this.#options.database?.url ?? `postgresql://hearth@localhost/hearth?host=${socket}`
  }

  /** Its settings, as environment variables. */
  get settings(): Record<string, string> {
    return this.#settings()
  }

  /** The process that runs now. */
  get pid(): number {
    if (this.#child?.pid === undefined) throw new Error('the server does not run')
    return this.#child.pid
  }

  get isRunning(): boolean {
    return this.#child !== undefined
  }

  /** What was logged as an error, over all launches. */
  get errors(): readonly string[] {
    return this.#errors
  }

  /** The end of the output. */
  get output(): string {
    return this.#lines.join('\n')
  }

  /** A client that is not logged in. It follows the server to where it listens after a restart. */
  get anonymous(): TestClient {
    return new TestClient({ baseUrl: () => this.#url })
  }

  /** Registers an account and gives a client that is logged in to it. */
  register(username: string, password = `${username}'s password`): Promise<TestClient> {
    return this.anonymous.register(username, password)
  }

  /** Starts the process without waiting for it to serve. */
  spawn(): void {
    if (this.#child) throw new Error('the server runs already')
    const words = this.#options.built ? [script] : [process.execPath, '--conditions=source', main]
    const child = spawn(words[0]!, [...words.slice(1), 'start'], {
      cwd: this.dataDir,
      env: { ...environment(), ...this.#settings() },
      stdio: ['ignore', 'pipe', 'pipe'],
    })
    this.#child = child
    child.on('exit', () => {
      if (this.#child === child) this.#child = undefined
    })
    for (const stream of [child.stdout, child.stderr]) {
      createInterface({ input: stream }).on('line', (line) => this.#note(line))
    }
  }

  /** Starts the process and waits until it serves. */
  async launch(): Promise<void> {
    this.#url = ''
    this.spawn()
    const child = this.#child!
    const limit = AbortSignal.timeout(readyLimitMs)
    while (this.#url === '') {
      if (this.#child !== child) throw new Error(`the server ended before it served:\n${this.output}`)
      if (limit.aborted) throw new Error(`the server did not serve within ${readyLimitMs} ms:\n${this.output}`)
      await sleep(5)
    }
  }

  /** Kills the server's process and leaves its PostgreSQL running, if that is its own. */
  async kill(): Promise<void> {
    await this.#signal('SIGKILL')
  }

  /** Kills the main process of the embedded PostgreSQL. Its other processes end when they notice. */
  killPostmaster(): void {
    signal(this.#postmaster()!, 'SIGKILL')
  }

  /** Kills all processes of the embedded PostgreSQL. */
  killPostgres(): void {
    const postmaster = this.#postmaster()!
    for (const pid of [postmaster, ...childrenOf(postmaster).map((child) => child.pid)]) signal(pid, 'SIGKILL')
  }

  /** Kills the server and all of its PostgreSQL, as when the power fails. */
  async killAll(): Promise<void> {
    const killed = this.kill()
    if (this.#postmaster() !== undefined) this.killPostgres()
    await killed
  }

  /**
   * Kills a process that serves one of PostgreSQL's connections, one that is at work if there is one soon: PostgreSQL cuts
   * off the others and recovers as after a crash.
   */
  async killSession(): Promise<void> {
    const limit = performance.now() + busyLimitMs
    for (;;) {
      const sessions = childrenOf(this.#postmaster()!).filter(({ title }) =>
        title.startsWith('postgres: hearth hearth'),
      )
      const busy = sessions.find(({ title }) => !title.includes(' idle'))
      const chosen = performance.now() < limit ? busy : (busy ?? sessions[0])
      if (chosen) return signal(chosen.pid, 'SIGKILL')
      if (performance.now() > limit + busyLimitMs) throw new Error('PostgreSQL serves no connection')
      await sleep(1)
    }
  }

  /** Asks the server to stop and waits until it has. Gives its exit status. */
  async terminate(): Promise<number | null> {
    return this.#signal('SIGTERM')
  }

  /** Ends everything and removes the data directory. */
  async stop(): Promise<void> {
    if (this.#child) await this.terminate()
    this.#endEverything()
    process.off('exit', this.#onExit)
    await rm(this.dataDir, { recursive: true, force: true, maxRetries: 5, retryDelay: 100 })
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.stop()
  }

  #settings(): Record<string, string> {
    const { settings, database } = this.#options
    const own = { HEARTH_DATA_DIR: this.dataDir, ...(database && { HEARTH_DATABASE_URL: database.url }) }
    return { ...defaults, ...settings, ...own }
  }

  #note(line: string): void {
    if (line.includes('"message":"request"')) return
    this.#lines.push(line)
    if (this.#lines.length > keptLines) this.#lines.shift()
    const ready = /"message":"ready .*\burl=(http[^ ",]+)/.exec(line)
    if (ready) this.#url = ready[1]!.replace(/\/$/, '')
    if (!line.startsWith('{') || line.includes('"level":"error"')) this.#errors.push(line)
  }

  async #signal(name: 'SIGKILL' | 'SIGTERM'): Promise<number | null> {
    const child = this.#child
    if (!child) throw new Error('the server does not run')
    const exited = once(child, 'exit', { signal: AbortSignal.timeout(exitLimitMs) }) as Promise<[number | null]>
    child.kill(name)
    const [status] = await exited.catch((error: unknown) => {
      child.kill('SIGKILL')
      throw new Error(`the server did not end within ${exitLimitMs} ms of ${name}:\n${this.output}`, { cause: error })
    })
    return status
  }

  /** The process id of the embedded PostgreSQL, of this launch or of one before it. */
  #postmaster(): number | undefined {
    if (this.#options.database) return undefined
    try {
      return Number(readFileSync(join(this.dataDir, 'postgres', 'postmaster.pid'), 'utf8').split('\n')[0])
    } catch {
      return undefined
    }
  }

  #endEverything(): void {
    this.#child?.kill('SIGKILL')
    const postmaster = this.#postmaster()
    if (postmaster !== undefined) signal(postmaster, 'SIGKILL')
  }
}

/** The environment without settings of the person who runs the tests. */
function environment(): NodeJS.ProcessEnv {
  const isSetting = (name: string): boolean => name.startsWith('HEARTH_') || /^(DATABASE|REDIS)_URL$/.test(name)
  return Object.fromEntries(Object.entries(process.env).filter(([name]) => !isSetting(name)))
}

function signal(pid: number, name: NodeJS.Signals): void {
  try {
    process.kill(pid, name)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error
  }
}
