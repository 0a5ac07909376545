import type { JobQueue } from './job-queue.ts'

/** The queue of a deployment that is one process: whoever is to look is this one. */
export class LocalJobQueue implements JobQueue {
  readonly isShared: boolean
  readonly #peers: Set<() => void>
  #onWake: (() => void) | undefined

  /** `peers`: those of other queues that work is shared with. */
  constructor(peers?: Set<() => void>) {
    this.isShared = peers !== undefined
    this.#peers = peers ?? new Set()
  }

  wake(): void {
    const [next] = this.#peers
    if (next === undefined) return
    // The one that was asked longest ago.
    this.#peers.delete(next)
    this.#peers.add(next)
    next()
  }

  async takePart(onWake: () => void): Promise<void> {
    this.#onWake = onWake
    this.#peers.add(onWake)
  }

  async end(): Promise<void> {
    if (this.#onWake) this.#peers.delete(this.#onWake)
  }
}
