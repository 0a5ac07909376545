import type { RequestOptions } from '@hearth/federation-client'

/** The gap is larger, or the servers slower, than is worth it now. */
export class BudgetSpent extends Error {
  override readonly name = 'BudgetSpent'
}

/** What may be spent on filling one gap: requests to other servers, and time. */
export class FetchBudget {
  readonly #signal: AbortSignal
  readonly #left: { requests: number }
  readonly #ignoreBackOff: boolean

  /** `sharing`: another view of the same requests. */
  constructor(options: {
    readonly requests: number
    readonly signal: AbortSignal
    readonly ignoreBackOff?: boolean
    readonly sharing?: { requests: number }
  }) {
    this.#left = options.sharing ?? { requests: options.requests }
    this.#signal = options.signal
    this.#ignoreBackOff = options.ignoreBackOff ?? false
  }

  get requestsLeft(): number {
    return this.#left.requests
  }

  /** The same budget, for a server that has just shown that it is there: what failed before does not hold it back. */
  despiteBackOff(): FetchBudget {
    const [sharing, signal] = [this.#left, this.#signal]
    return new FetchBudget({ requests: sharing.requests, signal, ignoreBackOff: true, sharing })
  }

  /**
   * The options of one request, which is counted.
   * @throws BudgetSpent when there have been enough; the signal's reason when time is over.
   */
  spend(): RequestOptions {
    this.#signal.throwIfAborted()
    if (this.#left.requests <= 0) throw new BudgetSpent('it takes too many requests')
    this.#left.requests -= 1
    return { signal: this.#signal, deadlineMs: requestMs, ignoreBackOff: this.#ignoreBackOff }
  }
}

/** One request's part of the time. */
const requestMs = 30_000
