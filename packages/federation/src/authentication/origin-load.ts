import { limitExceeded, type ServerName } from '@hearth/protocol'
import { Semaphore, Unavailable } from '@hearth/runtime'

export interface OriginLoadLimits {
  /** How many requests of one server are worked on at a time. */
  readonly running: number
  /** How many more may wait; the next one is refused. */
  readonly waiting: number
}

const retryAfterMs = 1_000

/** Keeps a server that asks for much from taking the place of others. */
export class OriginLoad {
  readonly #limits: OriginLoadLimits
  readonly #busy = new Map<ServerName, Semaphore>()

  constructor(limits: OriginLoadLimits) {
    this.#limits = limits
  }

  /**
   * Waits until it is a server's turn. The function that is returned says that the request is done.
   * @throws MatrixError 429 `M_LIMIT_EXCEEDED` when too many of its requests wait; the signal's reason.
   */
  async enter(origin: ServerName, signal: AbortSignal): Promise<() => void> {
    const semaphore = this.#semaphoreOf(origin)
    const { promise: entered, resolve, reject } = Promise.withResolvers<() => void>()
    const work = (): Promise<void> => new Promise<void>((leave) => resolve(leave))
    semaphore
      .run(work, signal)
      .catch((error: unknown) => reject(error instanceof Unavailable ? limitExceeded(retryAfterMs) : error))
      .finally(() => {
        if (semaphore.running === 0 && semaphore.waiting === 0) this.#busy.delete(origin)
      })
    return entered
  }

  #semaphoreOf(origin: ServerName): Semaphore {
    let semaphore = this.#busy.get(origin)
    if (semaphore === undefined) {
      const { running, waiting } = this.#limits
      semaphore = new Semaphore({ name: `requests of ${origin}`, permits: running, maxWaiting: waiting })
      this.#busy.set(origin, semaphore)
    }
    return semaphore
  }
}
