import type { ReceiptChange } from './change.ts'

/** The newest receipts of a room that somebody is syncing, without holes from {@link completeFrom} on. */
export class RecentReceipts {
  readonly #maxEntries: number
  /** One a user, type and thread; those that moved last come last. */
  readonly #entries = new Map<string, ReceiptChange>()
  #completeFrom: number
  #lastPos = 0

  constructor(options: { completeFrom: number; maxEntries: number }) {
    this.#completeFrom = options.completeFrom
    this.#maxEntries = options.maxEntries
  }

  /** Every receipt that moved after this position is here, unless it has moved again. */
  get completeFrom(): number {
    return this.#completeFrom
  }

  /** Whether something may have moved after a position. */
  hasNews(since: number): boolean {
    return since < this.#lastPos || since < this.#completeFrom
  }

  push(change: ReceiptChange): void {
    const key = `${change.userNid} ${change.type} ${change.threadId ?? ''}`
    this.#entries.delete(key)
    this.#entries.set(key, change)
    this.#lastPos = change.pos
    if (this.#entries.size <= this.#maxEntries) return
    const [oldestKey, oldest] = this.#entries.entries().next().value!
    this.#entries.delete(oldestKey)
    this.#completeFrom = oldest.pos
  }

  /** The receipts after one position up to another; undefined when some are no longer here. */
  between(after: number, upTo: number): readonly ReceiptChange[] | undefined {
    if (after < this.#completeFrom) return undefined
    if (after >= this.#lastPos) return []
    return [...this.#entries.values()].filter(({ pos }) => pos > after && pos <= upTo)
  }
}
