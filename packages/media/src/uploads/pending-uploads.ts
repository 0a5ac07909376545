import { limitExceeded, MatrixError } from '@hearth/protocol'
import { Unavailable, type Clock } from '@hearth/runtime'

/** What a client may wait that says nothing else, and at most, in milliseconds. */
export const DEFAULT_WAIT_MS = 20_000
export const MAX_WAIT_MS = 60_000
/** How often to look for files that another process has taken. */
const LOOK_EVERY_MS = 1_000
const MAX_WAITING_EACH = 20
const MAX_WAITING = 2_000

/** Waits for files whose ids were given out before they were sent. */
export class PendingUploads {
  readonly #clock: Clock
  readonly #wakers = new Map<string, Set<() => void>>()
  readonly #waitingOf = new Map<string, number>()
  #waiting = 0

  constructor({ clock }: { clock: Clock }) {
    this.#clock = clock
  }

  /** Says that a file has come. Forgetting it costs a second. */
  filled(mediaId: string): void {
    for (const wake of this.#wakers.get(mediaId) ?? []) wake()
  }

  /**
   * Looks until there is something to be seen, for `timeoutMs` and no longer than a minute.
   * @param who for whom it waits: nobody may for too many files at a time
   * @throws MatrixError 504 `M_NOT_YET_UPLOADED`, 429 `M_LIMIT_EXCEEDED`; the signal's reason
   */
  async wait<T>(
    look: () => Promise<T | undefined>,
    { mediaId, who, timeoutMs, signal }: { mediaId: string; who: string; timeoutMs: number; signal: AbortSignal },
  ): Promise<T> {
    const count = this.#waitingOf.get(who) ?? 0
    if (count >= MAX_WAITING_EACH) throw limitExceeded(LOOK_EVERY_MS)
    if (this.#waiting >= MAX_WAITING) throw new Unavailable('too many wait for files that are not yet uploaded')
    this.#waiting += 1
    this.#waitingOf.set(who, count + 1)
    try {
      return await this.#look(look, mediaId, Math.min(timeoutMs, MAX_WAIT_MS), signal)
    } finally {
      this.#waiting -= 1
      const left = this.#waitingOf.get(who)! - 1
      if (left === 0) this.#waitingOf.delete(who)
      else this.#waitingOf.set(who, left)
    }
  }

  async #look<T>(
    look: () => Promise<T | undefined>,
    mediaId: string,
    timeoutMs: number,
    signal: AbortSignal,
  ): Promise<T> {
    const end = this.#clock.monotonic() + timeoutMs
    for (;;) {
      const nap = new AbortController()
      const wake = (): void => nap.abort()
      const wakers = this.#wakers.get(mediaId) ?? new Set()
      this.#wakers.set(mediaId, wakers.add(wake))
      try {
        const seen = await look()
        if (seen !== undefined) return seen
        const leftMs = end - this.#clock.monotonic()
        if (leftMs <= 0) throw new MatrixError('M_NOT_YET_UPLOADED', 'The file has not been uploaded yet')
        await this.#clock
          .sleep(Math.min(leftMs, LOOK_EVERY_MS), AbortSignal.any([nap.signal, signal]))
          .catch(() => undefined)
        signal.throwIfAborted()
      } finally {
        wakers.delete(wake)
        if (wakers.size === 0) this.#wakers.delete(mediaId)
      }
    }
  }
}
