import type { RequestOptions } from '@hearth/federation-client'

/** The gap is larger, or the servers slower, than is worth it now. */
export class BudgetSpent extends Error {
  override readonly name = 'BudgetSpent'
}

/** What may be spent on filling one gap: requests to other servers, and time. */
export class FetchBudget {
  readonly #signal: AbortSignal
  #requests: number

  constructor(options: { readonly requests: number; readonly signal: AbortSignal }) {
    this.#requests = options.requests
    this.#signal = options.signal
  }

  get requestsLeft(): number {
    return this.#requests
  }

  /**
   * The options of one request, which is counted.
   * @throws BudgetSpent when there have been enough; the signal's reason when time is over.
   */
  spend(): RequestOptions {
    this.#signal.throwIfAborted()
    if (this.#requests <= 0) throw new BudgetSpent('it takes too many requests')
    this.#requests -= 1
    return { signal: this.#signal, deadlineMs: requestMs }
  }
}

/** One request's part of the time. */
const requestMs = 30_000
