import type { RoomEvent } from '@hearth/rooms'
import type { StateMap } from '@hearth/store'
import type { RoomEvents } from './room-events.ts'

const types = [
  'm.room.create',
  'm.room.name',
  'm.room.avatar',
  'm.room.topic',
  'm.room.join_rules',
  'm.room.canonical_alias',
  'm.room.encryption',
]

/**
 * The events of a state that tell somebody outside of the room which one it is, `m.room.create` first.
 * {@link https://spec.matrix.org/v1.19/client-server-api/#stripped-state}
 */
export async function identifyingState(events: RoomEvents, state: StateMap): Promise<RoomEvent[]> {
  const found = await Promise.all(types.map((type) => events.findState(state, type, '')))
  return found.filter((event) => event !== undefined)
}
