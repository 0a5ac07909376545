import type { JsonObject } from '@hearth/protocol'
import type { ListedRoom } from './room-directory.ts'
import type { RoomPreview } from './room-previews.ts'
import type { SpaceChild } from './space-children.ts'

/** A room as the directory shows it. {@link https://spec.matrix.org/v1.19/client-server-api/#get_matrixclientv3publicrooms_response-200_publishedroomschunk} */
export function publishedRoom(room: DirectoryRoom): JsonObject {
  return { ...shownRoom(room), ...(room.aliases.length > 0 && { aliases: [...room.aliases] }) }
}

/** A page of the directory. {@link https://spec.matrix.org/v1.19/client-server-api/#get_matrixclientv3publicrooms} */
export function directoryPage({ rooms, next, previous, total }: ShownDirectory) {
  return {
    chunk: rooms.map(publishedRoom),
    ...(next !== undefined && { next_batch: next }),
    ...(previous !== undefined && { prev_batch: previous }),
    total_room_count_estimate: total,
  }
}

/** A room's summary. {@link https://spec.matrix.org/v1.19/client-server-api/#get_matrixclientv1room_summaryroomidoralias} */
export function roomSummary(room: RoomPreview): JsonObject {
  return {
    ...shownRoom(room),
    ...(room.version !== null && { room_version: room.version }),
    ...(room.encryption !== null && { encryption: room.encryption }),
    ...(room.allowedRoomIds.length > 0 && { allowed_room_ids: [...room.allowedRoomIds] }),
  }
}

/** A child of a space, as hierarchies show it. */
export function strippedChild({ roomId, content, sender, originServerTs }: SpaceChild): JsonObject {
  return { type: 'm.space.child', state_key: roomId, content, sender, origin_server_ts: originServerTs }
}

type ShownRoom = Pick<
  ListedRoom & RoomPreview,
  | 'roomId'
  | 'joined'
  | 'worldReadable'
  | 'guestCanJoin'
  | 'joinRule'
  | 'name'
  | 'topic'
  | 'avatarUrl'
  | 'canonicalAlias'
  | 'roomType'
>

type DirectoryRoom = ShownRoom & Pick<ListedRoom, 'aliases'>

/** A page of this server's directory or of another's. */
interface ShownDirectory {
  readonly rooms: readonly DirectoryRoom[]
  readonly next?: string
  readonly previous?: string
  readonly total: number
}

function shownRoom(room: ShownRoom): JsonObject {
  return {
    room_id: room.roomId,
    num_joined_members: room.joined,
    world_readable: room.worldReadable,
    guest_can_join: room.guestCanJoin,
    // Without the event only those who are invited can join, and clients take a missing rule for `public`.
    join_rule: room.joinRule ?? 'invite',
    ...(room.name !== null && { name: room.name }),
    ...(room.topic !== null && { topic: room.topic }),
    ...(room.avatarUrl !== null && { avatar_url: room.avatarUrl }),
    ...(room.canonicalAlias !== null && { canonical_alias: room.canonicalAlias }),
    ...(room.roomType !== null && { room_type: room.roomType }),
  }
}
