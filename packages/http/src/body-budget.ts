export interface BodyBudgetLimits {
  /** What the bodies of all requests may take together, in bytes. */
  readonly total: number
  /** What those of one address may take, a /64 for IPv6. */
  readonly perAddress: number
}

/** What one request has taken of the budget. */
export interface BodyShare {
  /** Takes more bytes; tells whether there were any left. */
  take(bytes: number): boolean
  /** Gives back all. */
  release(): void
}

/**
 * Bounds the memory that bodies take from their first byte until their request is done: whoever sends one slowly, or many
 * at once, has not shown yet who they are.
 */
export class BodyBudget {
  readonly #limits: BodyBudgetLimits
  readonly #byAddress = new Map<string, number>()
  #total = 0

  constructor(limits: BodyBudgetLimits) {
    this.#limits = limits
  }

  /** How many bytes are taken. */
  get taken(): number {
    return this.#total
  }

  /** The share of a request of an address group. */
  share(address: string): BodyShare {
    let own = 0
    const add = (bytes: number): void => {
      const ofAddress = (this.#byAddress.get(address) ?? 0) + bytes
      if (ofAddress === 0) this.#byAddress.delete(address)
      else this.#byAddress.set(address, ofAddress)
      this.#total += bytes
      own += bytes
    }
    return {
      take: (bytes) => {
        const { total, perAddress } = this.#limits
        const ofAddress = this.#byAddress.get(address) ?? 0
        if (this.#total + bytes > total || ofAddress + bytes > perAddress) return false
        add(bytes)
        return true
      },
      release: () => add(-own),
    }
  }
}
