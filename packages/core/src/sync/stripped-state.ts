import type { JsonObject } from '@hearth/protocol'
import type { RoomEvent } from '@hearth/rooms'
import type { Store } from '@hearth/store'
import { identifyingState } from '../rooms/identifying-state.ts'
import type { Room } from '../rooms/room.ts'
import type { RoomEvents } from '../rooms/room-events.ts'

/**
 * What somebody outside a room is told about it with an invitation or a knock, which is their member event; the state is
 * that of the moment.
 * {@link https://spec.matrix.org/v1.19/client-server-api/#stripped-state}
 */
export async function strippedState(
  { store, events }: { readonly store: Store; readonly events: RoomEvents },
  room: Room,
  memberNid: number,
): Promise<JsonObject[]> {
  const member = (await events.findByNids([memberNid])).get(memberNid)
  if (!member) return []
  const state = await store.states.loadBefore(room.nid, memberNid)
  const found = await identifyingState(events, state)
  const { sender } = member.pdu
  const inviter = sender === member.pdu.state_key ? undefined : await events.findState(state, 'm.room.member', sender)
  return [...found, ...(inviter ? [inviter] : []), member].map(strip)
}

/** An event as it is told to somebody outside the room. */
export function strip({ pdu }: Pick<RoomEvent, 'pdu'>): JsonObject {
  return { content: pdu.content, sender: pdu.sender, state_key: pdu.state_key, type: pdu.type }
}
