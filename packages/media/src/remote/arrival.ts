import type { SpooledFile } from '../blobs/spool.ts'
import type { ArrivingMedia, StoredMedia } from '../files/stored-media.ts'

/** What is known of a file when its first byte is about to come. */
export interface ArrivalHead {
  readonly contentType: string
  readonly name: string | undefined
}

/** Nobody waits for the file any longer. */
export class NobodyWaits extends Error {
  override readonly name = 'NobodyWaits'
}

/** A file of another server on its way here, for all who wait for it. It is given up when the last of them goes. */
export class Arrival {
  readonly #end = new AbortController()
  readonly #head = Promise.withResolvers<ArrivalHead | undefined>()
  readonly #whole = Promise.withResolvers<StoredMedia>()
  #file: SpooledFile | undefined
  #waiting = 0
  #isHere = false

  constructor() {
    // Those who wait are told; there may be none.
    this.#head.promise.catch(() => undefined)
    this.#whole.promise.catch(() => undefined)
  }

  /** Aborted when nobody waits any longer. */
  get signal(): AbortSignal {
    return this.#end.signal
  }

  /** Says that somebody waits. What is returned says that they do not any longer. */
  hold(): () => void {
    this.#waiting += 1
    let isHeld = true
    return () => {
      if (!isHeld) return
      isHeld = false
      this.#waiting -= 1
      if (this.#waiting === 0 && !this.#isHere) this.#end.abort(new NobodyWaits('nobody waits for the file any longer'))
    }
  }

  begin(head: ArrivalHead, file: SpooledFile): void {
    this.#file = file
    this.#head.resolve(head)
  }

  /** Says that all has come and is being stored, which goes on whoever waits. */
  received(): void {
    this.#isHere = true
  }

  finish(media: StoredMedia): void {
    this.#head.resolve(undefined)
    this.#whole.resolve(media)
  }

  fail(error: unknown): void {
    this.#head.reject(error)
    this.#whole.reject(error)
  }

  /** Resolves when all of it is stored. */
  get whole(): Promise<StoredMedia> {
    return this.#whole.promise
  }

  /** Resolves when the first byte is about to come, to what has come and what comes. */
  async open(): Promise<ArrivingMedia | StoredMedia> {
    const head = await this.#head.promise
    const file = this.#file
    if (head === undefined || file === undefined || file.isClosed) return this.#whole.promise
    return { ...head, stream: file.follow() }
  }
}
