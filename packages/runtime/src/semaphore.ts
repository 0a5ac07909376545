import { Unavailable } from './unavailable.ts'

export interface SemaphoreOptions {
  /** What it guards, for the error of those who are turned away. */
  readonly name: string
  /** How many may run at a time. */
  readonly permits: number
  /** How many may wait; the next one is refused at once. */
  readonly maxWaiting: number
}

interface Waiter {
  readonly admit: () => void
}

/** Bounded concurrency with a bounded queue, first come first served. */
export class Semaphore {
  readonly #options: SemaphoreOptions
  readonly #waiting = new Set<Waiter>()
  #running = 0

  constructor(options: SemaphoreOptions) {
    this.#options = options
  }

  /** How many are running. */
  get running(): number {
    return this.#running
  }

  /** How many are waiting. */
  get waiting(): number {
    return this.#waiting.size
  }

  /**
   * Runs `work` when it is its turn and returns its result.
   * @throws Unavailable when the queue is full; the signal's reason when it is aborted while waiting.
   */
  async run<T>(work: () => Promise<T>, signal?: AbortSignal): Promise<T> {
    signal?.throwIfAborted()
    // The slot of one that ends is handed on without being freed, so nobody can slip in before those who wait.
    if (this.#running < this.#options.permits) this.#running++
    else await this.#wait(signal)
    try {
      return await work()
    } finally {
      this.#release()
    }
  }

  #wait(signal: AbortSignal | undefined): Promise<void> {
    if (this.#waiting.size >= this.#options.maxWaiting) {
      return Promise.reject(new Unavailable(`too many are waiting for ${this.#options.name}`))
    }
    return new Promise((resolve, reject) => {
      const onAbort = (): void => {
        this.#waiting.delete(waiter)
        reject(signal?.reason instanceof Error ? signal.reason : new Error('aborted'))
      }
      const waiter = {
        admit: (): void => {
          signal?.removeEventListener('abort', onAbort)
          resolve()
        },
      }
      this.#waiting.add(waiter)
      signal?.addEventListener('abort', onAbort, { once: true })
    })
  }

  #release(): void {
    for (const next of this.#waiting) {
      this.#waiting.delete(next)
      next.admit()
      return
    }
    this.#running--
  }
}
