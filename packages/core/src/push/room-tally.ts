import type { PushEffect } from '@hearth/rooms'

/** What somebody has not read of a thread. */
export interface ThreadTally {
  readonly notifications: number
  readonly highlights: number
  /** Where the last event that counts stands in the stream. */
  readonly lastPos: number
}

/** What somebody has not read of a room, by thread. Threads of which all is read are left out. */
export class RoomTally {
  readonly #threads = new Map<string, ThreadTally>()

  get threads(): ReadonlyMap<string, ThreadTally> {
    return this.#threads
  }

  set(threadId: string, tally: ThreadTally): void {
    this.#threads.set(threadId, tally)
  }

  /** Counts an event that notifies. */
  add(threadId: string, { highlights }: PushEffect, pos: number): void {
    const before = this.#threads.get(threadId)
    this.#threads.set(threadId, {
      notifications: (before?.notifications ?? 0) + 1,
      highlights: (before?.highlights ?? 0) + (highlights ? 1 : 0),
      lastPos: pos,
    })
  }

  /** Takes a thread, or all of them, for read. */
  clear(threadId?: string): void {
    if (threadId === undefined) this.#threads.clear()
    else this.#threads.delete(threadId)
  }

  /**
   * Takes a thread, or all of them (null), for read up to a position. Gives the threads that were not read to their end:
   * they have to be counted anew from there.
   */
  readUpTo(threadId: string | null, pos: number): string[] {
    const read = threadId === null ? [...this.#threads.keys()] : this.#threads.has(threadId) ? [threadId] : []
    return read.filter((each) => {
      const isRest = this.#threads.get(each)!.lastPos > pos
      if (!isRest) this.#threads.delete(each)
      return isRest
    })
  }
}
