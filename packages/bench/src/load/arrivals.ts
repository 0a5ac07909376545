import { setTimeout as sleep } from 'node:timers/promises'

import { roomFilter, uniqueRoomFilter } from '../client/filters.ts'
import type { MatrixClient, SeenEvent, SyncResponse } from '../client/matrix-client.ts'

const pageLimit = 100

/**
 * Watches rooms through the /sync of one of their members each and notes when every event arrived there: what a
 * server acknowledged is worth nothing until somebody else has it.
 */
export class Arrivals {
  readonly #arrivedAt = new Map<string, number>()
  readonly #stop = new AbortController()
  #loops: Promise<void>[] = []
  #failure: Error | undefined

  /** Starts a sync loop for each observer; events from now on are noted. */
  async start(observers: readonly MatrixClient[]): Promise<void> {
    const beginnings = await Promise.all(
      observers.map(async (observer) => {
        const response = await observer.sync({ filter: uniqueRoomFilter(1) })
        // The newest event of each room is where paging back over a gap ends.
        for (const { timeline } of Object.values(response.rooms?.join ?? {})) this.#add(timeline.events, Number.NaN)
        return { observer, since: response.next_batch }
      }),
    )
    this.#loops = beginnings.map(({ observer, since }) =>
      this.#watch(observer, since).catch((error: unknown) => {
        if (!this.#stop.signal.aborted) this.#failure = error as Error
      }),
    )
  }

  /** When the event arrived, in milliseconds of `performance.now()`. */
  arrivalOf(eventId: string): number | undefined {
    return this.#arrivedAt.get(eventId)
  }

  countMissing(eventIds: readonly string[]): number {
    return eventIds.reduce((count, eventId) => (this.#arrivedAt.has(eventId) ? count : count + 1), 0)
  }

  /** Waits until all events have arrived or the time is over. @returns how many are still missing */
  async waitFor(eventIds: readonly string[], limitMs: number): Promise<number> {
    const deadline = performance.now() + limitMs
    for (;;) {
      if (this.#failure) throw this.#failure
      const missing = this.countMissing(eventIds)
      if (missing === 0 || performance.now() > deadline) return missing
      await sleep(10)
    }
  }

  async stop(): Promise<void> {
    this.#stop.abort()
    await Promise.all(this.#loops)
  }

  async #watch(observer: MatrixClient, start: string): Promise<void> {
    let since = start
    while (!this.#stop.signal.aborted) {
      const response = await observer.sync({
        since,
        timeoutMs: 30_000,
        filter: roomFilter(pageLimit),
        signal: this.#stop.signal,
      })
      await this.#note(observer, response)
      since = response.next_batch
    }
  }

  async #note(observer: MatrixClient, response: SyncResponse): Promise<void> {
    const now = performance.now()
    for (const [roomId, { timeline }] of Object.entries(response.rooms?.join ?? {})) {
      this.#add(timeline.events, now)
      if (timeline.limited) await this.#fillGap(observer, roomId, timeline.prev_batch)
    }
  }

  /** A limited timeline leaves out events; they have arrived once they have been paged back to. */
  async #fillGap(observer: MatrixClient, roomId: string, before: string | undefined): Promise<void> {
    let from = before
    while (from !== undefined) {
      const page = await observer.messagesBefore(roomId, from, pageLimit)
      const known = this.#add(page.chunk, performance.now())
      if (known > 0 || page.chunk.length === 0) return
      from = page.end
    }
  }

  /** @returns how many of the events had been seen before */
  #add(events: readonly SeenEvent[], now: number): number {
    let known = 0
    for (const { event_id: eventId } of events) {
      if (this.#arrivedAt.has(eventId)) known++
      else this.#arrivedAt.set(eventId, now)
    }
    return known
  }
}
