import { isRoomAlias, isRoomId, type JsonObject, type JsonValue, type RoomAlias, type RoomId } from '@hearth/protocol'
import type { RoomProfile } from '../rooms/room-profiles.ts'

/** What another server says of a room. */
export interface RemoteRoom extends RoomProfile {
  readonly roomId: RoomId
  /** null where it was not said. */
  readonly version: string | null
  readonly joined: number
  readonly aliases: readonly RoomAlias[]
}

const maxNameLength = 500
const maxTopicLength = 2_000
const maxTextLength = 1_000
const maxAliases = 20
const maxAllowedRooms = 100

/**
 * A room as another server describes it in its directory or in a hierarchy, with everything left out that is not as it
 * should be; undefined where not even the room is named.
 */
export function remoteRoom(said: JsonObject): RemoteRoom | undefined {
  const roomId = said['room_id']
  if (typeof roomId !== 'string' || !isRoomId(roomId)) return undefined
  const joined = said['num_joined_members']
  const canonicalAlias = text(said['canonical_alias'], 255)
  return {
    roomId,
    version: text(said['room_version'], 32),
    joined: typeof joined === 'number' && Number.isSafeInteger(joined) && joined > 0 ? joined : 0,
    worldReadable: said['world_readable'] === true,
    guestCanJoin: said['guest_can_join'] === true,
    // Where it is missing the specification has it mean "public".
    joinRule: text(said['join_rule'], 255) ?? 'public',
    allowedRoomIds: strings(said['allowed_room_ids'], maxAllowedRooms).filter((id) => isRoomId(id)),
    name: text(said['name'], maxNameLength),
    topic: text(said['topic'], maxTopicLength),
    avatarUrl: text(said['avatar_url'], maxTextLength),
    canonicalAlias: canonicalAlias !== null && isRoomAlias(canonicalAlias) ? canonicalAlias : null,
    aliases: strings(said['aliases'], maxAliases).filter((alias) => isRoomAlias(alias)),
    roomType: text(said['room_type'], maxTextLength),
    encryption: text(said['encryption'], maxTextLength),
  }
}

function text(value: JsonValue | undefined, maxLength: number): string | null {
  if (typeof value !== 'string') return null
  return value.slice(0, maxLength).toWellFormed().replaceAll('\0', '') || null
}

function strings(value: JsonValue | undefined, max: number): string[] {
  return Array.isArray(value) ? value.slice(0, max).filter((each) => typeof each === 'string') : []
}
