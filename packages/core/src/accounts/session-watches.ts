import type { MatrixError } from '@hearth/protocol'
import type { Clock, Timer } from '@hearth/runtime'
import type { SessionRow } from '@hearth/store'
import { expiredToken, lockedAccount, unknownToken } from './token-refusals.ts'

/** A request that waits, and goes on for as long as its session. */
interface SessionWatch {
  readonly onEnd: (refusal: MatrixError) => void
  /** Runs while the session is one that expires. */
  expiry: Timer | undefined
}

/** The requests that wait for news, by their sessions: they end when these do. */
export class SessionWatches {
  readonly #clock: Clock
  readonly #find: (key: string) => Promise<SessionRow | undefined>
  readonly #watches = new Map<string, Set<SessionWatch>>()

  /** `find` tells what the session of a key is now; undefined when it is over. */
  constructor(deps: { clock: Clock; find: (key: string) => Promise<SessionRow | undefined> }) {
    this.#clock = deps.clock
    this.#find = deps.find
  }

  /** Calls back once when a session ends, or has ended by now. The function that is returned ends the watch. */
  add(key: string, onEnd: (refusal: MatrixError) => void): () => void {
    const watch: SessionWatch = { onEnd, expiry: undefined }
    const watches = this.#watches.get(key)
    if (watches) watches.add(watch)
    else this.#watches.set(key, new Set([watch]))
    // It may have ended between the question who asks and this. If that cannot be read now, its end will be heard of.
    void this.check(key).catch(() => undefined)
    return () => this.#remove(key, watch)
  }

  /** Ends the watches of a session if that is over. */
  async check(key: string): Promise<void> {
    if (!this.#watches.has(key)) return
    const session = await this.#find(key)
    for (const watch of this.#watches.get(key) ?? []) {
      if (session === undefined) this.#end(key, watch, unknownToken())
      else if (session.isLocked) this.#end(key, watch, lockedAccount())
      else this.#awaitExpiry(key, watch, session)
    }
  }

  #awaitExpiry(key: string, watch: SessionWatch, { expiresTs }: SessionRow): void {
    watch.expiry?.cancel()
    if (expiresTs === null) return
    watch.expiry = this.#clock.setTimer(expiresTs - this.#clock.now(), () => this.#end(key, watch, expiredToken()))
  }

  #end(key: string, watch: SessionWatch, refusal: MatrixError): void {
    this.#remove(key, watch)
    watch.onEnd(refusal)
  }

  #remove(key: string, watch: SessionWatch): void {
    watch.expiry?.cancel()
    const watches = this.#watches.get(key)
    if (watches?.delete(watch) && watches.size === 0) this.#watches.delete(key)
  }
}
