import { execFile } from 'node:child_process'
import { promisify } from 'node:util'

import { processMemory } from './process-memory.ts'
import type { ProcessMemory } from './process-memory.ts'

/** Counters of a PostgreSQL server at one moment. */
export interface DatabaseCounters {
  readonly walBytes: number
  readonly commits: number
}

/** How often prom-client has Node look how late its loop is. */
const lagSamplingMs = 10

/** What can be read of a server from beside HTTP. Each figure is left out when its source is not given. */
export class ServerFigures {
  readonly #sources: {
    readonly base: string
    readonly pid?: number | undefined
    readonly databaseUrl?: string | undefined
  }

  /**
   * @param sources the server's base URL, for `/metrics`; its process id, for its memory; and a URL of its database,
   *   for the counters that `psql` reads
   */
  constructor(sources: { base: string; pid?: number | undefined; databaseUrl?: string | undefined }) {
    this.#sources = sources
  }

  async memory(): Promise<ProcessMemory | undefined> {
    return this.#sources.pid === undefined ? undefined : processMemory(this.#sources.pid)
  }

  /**
   * The event-loop lag in ms since it was last asked for, where the server is a Node process. Node publishes the time from
   * one look to the next, which is 10 ms where nothing is late: what it was late is what goes beyond that.
   */
  async eventLoopLagMs(which: 'p99' | 'max' = 'p99'): Promise<number | undefined> {
    const response = await fetch(new URL('/metrics', this.#sources.base)).catch(() => undefined)
    if (!response?.ok) return undefined
    const seconds = new RegExp(`^nodejs_eventloop_lag_${which}_seconds\\S* (\\S+)$`, 'm').exec(
      await response.text(),
    )?.[1]
    return seconds === undefined ? undefined : Math.max(0, Number(seconds) * 1000 - lagSamplingMs)
  }

  /** Counted over the whole database server, so nothing else may use it meanwhile. */
  async databaseCounters(): Promise<DatabaseCounters | undefined> {
    const { databaseUrl } = this.#sources
    if (databaseUrl === undefined) return undefined
    const query = `select pg_current_wal_lsn() - '0/0', (select sum(xact_commit) from pg_stat_database)`
    const { stdout } = await promisify(execFile)('psql', ['-XAtc', query, databaseUrl])
    const [walBytes, commits] = stdout.trim().split('|').map(Number) as [number, number]
    return { walBytes, commits }
  }
}
