import { setTimeout as sleep } from 'node:timers/promises'
import { positionOfToken, type SyncAnswer, type SyncedEvent, type SyncedRoom, type TestClient } from '@hearth/test-kit'

interface CollectedRoom {
  /** The ids of all events that came, in the order of the timeline. */
  readonly eventIds: string[]
  /** Event ids by type and state key. */
  readonly state: Map<string, string>
}

const pageSize = 100

/**
 * A client that syncs, pages back over what a limited timeline left out, and so gathers all of its rooms' events. A request
 * that is cut off is repeated, as clients do.
 */
export class Reader {
  readonly #client: TestClient
  readonly #timelineLimit: number
  readonly rooms = new Map<string, CollectedRoom>()
  readonly accountData = new Map<string, unknown>()
  readonly problems: string[] = []
  #since: string | undefined
  #done: Promise<void> | undefined
  #stop = new AbortController()

  /** `since`: a token that some client got once; everything from the beginning when absent. */
  constructor(deps: { client: TestClient; timelineLimit: number; since?: string | undefined }) {
    this.#client = deps.client
    this.#timelineLimit = deps.timelineLimit
    this.#since = deps.since
  }

  /** The token of the last answer. */
  get token(): string | undefined {
    return this.#since
  }

  /** Begins to sync. */
  start(): void {
    this.#done = this.#run()
  }

  async stop(): Promise<void> {
    this.#stop.abort()
    await this.#done
    this.#stop = new AbortController()
  }

  /** Takes what there is now, without waiting for more. */
  async catchUp(): Promise<void> {
    await this.#step(0)
    await this.#step(0)
  }

  async #run(): Promise<void> {
    while (!this.#stop.signal.aborted) {
      try {
        await this.#step(20_000)
      } catch (error) {
        if (this.#stop.signal.aborted) return
        if (error instanceof BadAnswer) this.problems.push(error.message)
        await sleep(100)
      }
    }
  }

  async #step(timeout: number): Promise<void> {
    const filter = JSON.stringify({ room: { timeline: { limit: this.#timelineLimit } } })
    const answer = (await this.#get('sync', { filter, timeout, since: this.#since })) as unknown as SyncAnswer
    const gaps = new Map<string, string[]>()
    for (const [roomId, room] of Object.entries(answer.rooms?.join ?? {})) {
      // At the first sync there is everything before the timeline, too.
      if (room.timeline.limited || this.#since === undefined) gaps.set(roomId, await this.#gap(roomId, room))
    }
    // Only now is the answer complete: had a page failed, it would have been asked for again.
    this.#take(answer, gaps)
  }

  #take(answer: SyncAnswer, gaps: ReadonlyMap<string, readonly string[]>): void {
    for (const [roomId, room] of Object.entries(answer.rooms?.join ?? {})) {
      const collected = this.rooms.get(roomId) ?? { eventIds: [], state: new Map<string, string>() }
      this.rooms.set(roomId, collected)
      collected.eventIds.push(...(gaps.get(roomId) ?? []), ...room.timeline.events.map((event) => event.event_id))
      for (const event of [...(room.state?.events ?? []), ...room.timeline.events]) {
        if (event.state_key !== undefined) collected.state.set(stateKey(event), event.event_id)
      }
    }
    for (const { type, content } of answer.account_data?.events ?? []) this.accountData.set(type, content)
    if (positionOfToken(this.#since) > positionOfToken(answer.next_batch)) {
      this.problems.push(`the token went back from ${this.#since} to ${answer.next_batch}`)
    }
    this.#since = answer.next_batch
  }

  /** The events between the last answer and the timeline of this one, oldest first. */
  async #gap(roomId: string, room: SyncedRoom): Promise<string[]> {
    const newestFirst: string[] = []
    let from: string | undefined = room.timeline.prev_batch
    while (from !== undefined) {
      const query: Record<string, string | number | undefined> = { dir: 'b', from, to: this.#since, limit: pageSize }
      const page = await this.#get(`rooms/${encodeURIComponent(roomId)}/messages`, query)
      newestFirst.push(...(page['chunk'] as SyncedEvent[]).map((event) => event.event_id))
      from = page['end'] as string | undefined
    }
    return newestFirst.reverse()
  }

  async #get(path: string, query: Record<string, string | number | undefined>): Promise<Record<string, unknown>> {
    const signal = AbortSignal.any([this.#stop.signal, AbortSignal.timeout(60_000)])
    const { status, body, text } = await this.#client.request('GET', path, { query, signal })
    if (status === 200) return body
    if (status === 503) throw new Error('the server is away')
    throw new BadAnswer(`GET ${path}: ${status} ${text}`)
  }
}

/** An answer that no fault excuses. */
class BadAnswer extends Error {}

export function stateKey(event: { type: string; state_key?: string }): string {
  return `${event.type} ${event.state_key}`
}
