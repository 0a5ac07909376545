import type { ServerName } from '@hearth/protocol'
import { Semaphore, Unavailable, type Metrics } from '@hearth/runtime'
import { NotTried } from '../server-unreachable.ts'

/** One server is asked so many things at a time. */
const PER_DESTINATION = 8
const WAITING_PER_DESTINATION = 200
/** A server that does not answer holds its place for seconds, so that there must be places for hundreds of those. */
const IN_ALL = 2_000
const WAITING_IN_ALL = 10_000

interface Lane {
  readonly semaphore: Semaphore
  users: number
}

/** Bounds how many requests are under way, for each server and altogether. */
export class RequestQueue {
  readonly #lanes = new Map<ServerName, Lane>()
  readonly #all = new Semaphore({ name: 'requests to other servers', permits: IN_ALL, maxWaiting: WAITING_IN_ALL })

  constructor(metrics: Metrics) {
    const running = metrics.gauge({
      name: 'hearth_federation_requests_running',
      help: 'Requests to other servers under way',
    })
    const waiting = metrics.gauge({
      name: 'hearth_federation_requests_waiting',
      help: 'Requests to other servers that wait',
    })
    metrics.onRead(() => {
      running.set(this.#all.running)
      let count = this.#all.waiting
      for (const { semaphore } of this.#lanes.values()) count += semaphore.waiting
      waiting.set(count)
    })
  }

  /** Runs a request when it is its turn. @throws NotTried when too many wait already; the signal's reason */
  async run<T>(destination: ServerName, signal: AbortSignal, work: () => Promise<T>): Promise<T> {
    const lane = this.#laneOf(destination)
    lane.users++
    let hasBegun = false
    const begin = (): Promise<T> => {
      hasBegun = true
      return work()
    }
    try {
      return await lane.semaphore.run(() => this.#all.run(begin, signal), signal)
    } catch (error) {
      if (!hasBegun && error instanceof Unavailable) throw new NotTried(error.message, { cause: error })
      throw error
    } finally {
      if (--lane.users === 0) this.#lanes.delete(destination)
    }
  }

  #laneOf(destination: ServerName): Lane {
    const known = this.#lanes.get(destination)
    if (known !== undefined) return known
    const name = `requests to ${destination}`
    const semaphore = new Semaphore({ name, permits: PER_DESTINATION, maxWaiting: WAITING_PER_DESTINATION })
    const lane = { semaphore, users: 0 }
    this.#lanes.set(destination, lane)
    return lane
  }
}
