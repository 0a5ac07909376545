import { isDeepStrictEqual } from 'node:util'
import { setTimeout as sleep } from 'node:timers/promises'
import { type JsonObject } from '@hearth/protocol'

import type { SyncedEvent, TestClient } from '../test-client.ts'

const limitMs = 20_000
const pauseMs = 50

/** What a server tells one of a room's members about the room, without what differs between servers by design. */
export interface RoomAsSeen {
  /** By type and state key. */
  readonly state: Readonly<Record<string, JsonObject>>
  /** By event id. */
  readonly timeline: Readonly<Record<string, JsonObject>>
}

/** Reads a room as a member sees it: the current state, and the history as far back as the server has it. */
export async function roomAsSeen(client: TestClient, roomId: string): Promise<RoomAsSeen> {
  const path = `rooms/${encodeURIComponent(roomId)}`
  const state = (await client.get(`${path}/state`))['list'] as unknown as SyncedEvent[]
  const timeline: SyncedEvent[] = []
  for (let from: string | undefined, more = true; more;) {
    const page = await client.get(`${path}/messages`, { dir: 'b', limit: 1_000, from })
    timeline.push(...(page['chunk'] as unknown as SyncedEvent[]))
    more = from !== page['end'] && page['end'] !== undefined
    from = page['end'] as string | undefined
  }
  return {
    state: sorted(state.map((event) => [`${event.type} ${event.state_key}`, essence(event)])),
    timeline: sorted(timeline.map((event) => [event.event_id, essence(event)])),
  }
}

/**
 * Waits until members on different servers see the same room: the same events with the same content, the same state.
 *
 * @returns what they see, a room for each, after at most 20 s; the caller expects all to be equal
 */
export async function untilTheyAgree(clients: readonly TestClient[], roomId: string): Promise<RoomAsSeen[]> {
  const deadline = Date.now() + limitMs
  for (;;) {
    const seen = await Promise.all(clients.map((client) => roomAsSeen(client, roomId)))
    if (seen.every((room) => isDeepStrictEqual(room, seen[0])) || Date.now() > deadline) return seen
    await sleep(pauseMs)
  }
}

/**
 * Asks again and again until the answer is right.
 *
 * @returns the right answer, or the last one after 20 s
 * @throws what the last try threw
 */
export async function eventually<T>(ask: () => Promise<T>, isRight: (answer: T) => boolean): Promise<T> {
  const deadline = Date.now() + limitMs
  for (;;) {
    const last = Date.now() > deadline
    try {
      const answer = await ask()
      if (last || isRight(answer)) return answer
    } catch (error) {
      if (last) throw error
    }
    await sleep(pauseMs)
  }
}

function essence(event: SyncedEvent): JsonObject {
  const { event_id, type, sender, state_key, content, origin_server_ts } = event
  return {
    event_id,
    type,
    sender,
    content,
    origin_server_ts: origin_server_ts!,
    ...(state_key !== undefined && { state_key }),
  }
}

function sorted(entries: [string, JsonObject][]): Record<string, JsonObject> {
  return Object.fromEntries(entries.sort(([a], [b]) => (a < b ? -1 : 1)))
}
