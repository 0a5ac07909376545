import type { EventId, JsonObject } from '@hearth/protocol'
import type { AuthGraph, Pdu, RoomEvent } from '../src/index.ts'

/** An auth graph of names, written as `{ event: 'its auth events' }`. Names that start with P are power levels. */
export function testGraph(edges: Readonly<Record<string, string>>): AuthGraph<string> {
  return {
    authEventsOf: (id) => (edges[id] ?? '').split(' ').filter((name) => name !== ''),
    isPowerLevels: (id) => id.startsWith('P'),
  }
}

/** An event of which only some fields matter. */
export function bareEvent(eventId: string, fields: Partial<Pdu> = {}): RoomEvent {
  const content: JsonObject = {}
  const pdu: Pdu = {
    type: 'm.test',
    sender: '@alice:hs1',
    room_id: '!room:hs1',
    state_key: '',
    content,
    depth: 1,
    origin_server_ts: 1,
    prev_events: [],
    auth_events: [],
    hashes: { sha256: '' },
    signatures: {},
    ...fields,
  }
  return { eventId: eventId as EventId, pdu }
}
