import { positionOfToken, type TestClient } from '@hearth/test-kit'

interface Event {
  readonly event_id: string
  readonly type: string
  readonly state_key?: string
  readonly content: Record<string, unknown>
}

interface RoomAnswer {
  readonly timeline: { readonly events: Event[]; readonly limited: boolean; readonly prev_batch: string }
  readonly state?: { readonly events: Event[] }
  readonly state_after?: { readonly events: Event[] }
}

interface Answer {
  readonly next_batch: string
  readonly rooms?: { readonly join?: Record<string, RoomAnswer>; readonly leave?: Record<string, RoomAnswer> }
}

/** What a device has of a room. */
export interface DeviceRoom {
  /** The ids of its events, oldest first. */
  timeline: string[]
  /** Event ids by `type|key`. */
  readonly state: Map<string, string>
}

export interface DeviceOptions {
  readonly filter: Record<string, unknown>
  readonly stateAfter: boolean
}

/**
 * A client that keeps what it is told and asks for nothing it has: it puts timelines together and fills the gaps of limited
 * ones by paging back, the way the specification tells clients to.
 */
export class ModelDevice {
  readonly rooms = new Map<string, DeviceRoom>()
  client: TestClient
  readonly options: DeviceOptions
  #since: string | undefined
  /** Positions that it was given. */
  readonly tokens: number[] = []

  constructor(client: TestClient, options: DeviceOptions) {
    this.client = client
    this.options = options
  }

  async sync(): Promise<void> {
    const since = this.#since
    const answer = (await this.client.get('sync', {
      since,
      timeout: 0,
      filter: JSON.stringify(this.options.filter),
      use_state_after: this.options.stateAfter || undefined,
    })) as unknown as Answer
    for (const section of ['join', 'leave'] as const) {
      for (const [roomId, room] of Object.entries(answer.rooms?.[section] ?? {})) await this.#take(roomId, room, since)
    }
    this.#since = answer.next_batch
    this.tokens.push(positionOfToken(answer.next_batch))
  }

  async #take(roomId: string, { timeline, state, state_after: stateAfter }: RoomAnswer, since: string | undefined) {
    let room = this.rooms.get(roomId)
    if (!room) this.rooms.set(roomId, (room = { timeline: [], state: new Map() }))
    if (timeline.limited) await this.#fillGap(roomId, room, timeline.prev_batch, since)
    for (const { event_id: id } of timeline.events) {
      if (room.timeline.includes(id)) throw new Error(`event ${id} came twice`)
      room.timeline.push(id)
    }
    for (const event of state?.events ?? []) setState(room, event)
    if (!this.options.stateAfter) for (const event of timeline.events) setState(room, event)
    for (const event of stateAfter?.events ?? []) setState(room, event)
  }

  /** Pages back from where the timeline begins to what is known. */
  async #fillGap(roomId: string, room: DeviceRoom, prevBatch: string, since: string | undefined): Promise<void> {
    const missing: string[] = []
    const known = new Set(room.timeline)
    for (let from: string | undefined = prevBatch, met = false; from !== undefined && !met;) {
      const page = (await this.client.get(`rooms/${encodeURIComponent(roomId)}/messages`, {
        dir: 'b',
        from,
        limit: 5,
      })) as unknown as { chunk: Event[]; end?: string }
      for (const { event_id: id } of page.chunk) {
        if (known.has(id)) met = true
        else missing.unshift(id)
      }
      from = page.end
    }
    if (since === undefined && room.timeline.length > 0) throw new Error('a first sync found something')
    room.timeline.push(...missing)
  }
}

function setState(room: DeviceRoom, event: Event): void {
  if (event.state_key !== undefined) room.state.set(`${event.type}|${event.state_key}`, event.event_id)
}
