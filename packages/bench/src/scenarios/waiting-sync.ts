import { roomFilter, uniqueRoomFilter } from '../client/filters.ts'
import type { MatrixClient } from '../client/matrix-client.ts'

const waitMs = 60_000
const timelineLimit = 10

/** A device that follows one room through /sync, request by request. */
export class WaitingSync {
  readonly #client: MatrixClient
  readonly #roomId: string
  #since: string | undefined

  constructor(deps: { client: MatrixClient; roomId: string }) {
    this.#client = deps.client
    this.#roomId = deps.roomId
  }

  /** Takes everything there is up to now, without waiting. */
  async catchUp(): Promise<void> {
    this.#since = (await this.#client.sync({ filter: uniqueRoomFilter(timelineLimit) })).next_batch
  }

  /**
   * Waits until a message with this text has arrived in the room.
   *
   * @param onWaiting called when the first request is on its way
   * @returns the moment of its arrival, in milliseconds of `performance.now()`
   */
  async untilMessage(body: string, onWaiting: () => void): Promise<number> {
    for (let onSent: (() => void) | undefined = onWaiting; ; onSent = undefined) {
      const response = await this.#sync(waitMs, onSent)
      const now = performance.now()
      this.#since = response.next_batch
      const events = response.rooms?.join?.[this.#roomId]?.timeline.events ?? []
      if (events.some(({ content }) => content?.body === body)) return now
    }
  }

  /** One incremental sync that is expected to have a message to return at once. */
  async takeOne(): Promise<void> {
    const response = await this.#sync(0)
    this.#since = response.next_batch
    const count = response.rooms?.join?.[this.#roomId]?.timeline.events.length ?? 0
    if (count !== 1) throw new Error(`an incremental sync returned ${count} events instead of one`)
  }

  #sync(timeoutMs: number, onSent?: () => void) {
    return this.#client.sync({
      timeoutMs,
      filter: roomFilter(timelineLimit),
      ...(this.#since !== undefined && { since: this.#since }),
      ...(onSent && { onSent }),
    })
  }
}
