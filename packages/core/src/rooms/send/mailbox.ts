/** One room's waiting work, handed out in batches, one batch at a time. */
interface Mailbox<Item> {
  readonly waiting: Item[]
  running: boolean
}

export interface MailboxesOptions<Item> {
  /** How many items one batch takes at most. */
  readonly maxBatch: number
  /** How many items may wait per key before {@link Mailboxes.post} refuses. */
  readonly maxWaiting: number
  /** Works off a batch of one key. It settles every item itself and does not throw. What it returns goes first in line again. */
  readonly work: (key: number, batch: Item[]) => Promise<readonly Item[]>
}

/** Queues of work by key: work on one key is done in order and never twice at a time, different keys go on side by side. */
export class Mailboxes<Item> {
  readonly #options: MailboxesOptions<Item>
  readonly #mailboxes = new Map<number, Mailbox<Item>>()

  constructor(options: MailboxesOptions<Item>) {
    this.#options = options
  }

  /** Keys that have work. */
  get size(): number {
    return this.#mailboxes.size
  }

  /** Adds items, to be worked off together if they fit into one batch; false when the key has too much waiting already. */
  post(key: number, ...items: readonly Item[]): boolean {
    const mailbox = this.#mailboxes.get(key) ?? { waiting: [], running: false }
    if (mailbox.waiting.length >= this.#options.maxWaiting) return false
    mailbox.waiting.push(...items)
    this.#mailboxes.set(key, mailbox)
    if (!mailbox.running) void this.#run(key, mailbox)
    return true
  }

  /** True while the key has work: nobody else may move what belongs to it. */
  isBusy(key: number): boolean {
    return this.#mailboxes.has(key)
  }

  async #run(key: number, mailbox: Mailbox<Item>): Promise<void> {
    mailbox.running = true
    while (mailbox.waiting.length > 0) {
      const batch = mailbox.waiting.splice(0, this.#options.maxBatch)
      const again = await this.#options.work(key, batch)
      mailbox.waiting.unshift(...again)
    }
    this.#mailboxes.delete(key)
  }
}
