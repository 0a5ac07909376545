import type { RoomRequest } from '@hearth/core'
import { s, type Infer, type UserId } from '@hearth/protocol'
import { endpoint } from '../context.ts'
import { founding } from '../paths.ts'

/** What a client of the founding API may say of a new room. */
export const legacyCreateRoomBody = s.object({
  invite: s.optional(s.array(s.format<UserId>('mx-user-id'))),
  name: s.optional(s.string),
  room_alias_name: s.optional(s.string),
  topic: s.optional(s.string),
  visibility: s.optional(s.literal('public', 'private')),
})

/** Creates a room. Founding API. */
export const legacyCreateRoom = endpoint({
  method: 'POST',
  path: founding('/createRoom'),
  auth: 'activeUser',
  rateLimit: 'roomCreation',
  allowEmptyBody: true,
  body: legacyCreateRoomBody,
  response: s.object({ room_id: s.string, room_alias: s.optional(s.string) }),
  async handle({ createRoom }, { body, requester }) {
    const { roomId, alias } = await createRoom.create(requester, legacyRoomRequest(body))
    return { room_id: roomId, ...(alias && { room_alias: alias }) }
  },
})

/** A room in which, as in the founding API's, every member invites, and every level can be granted by who has it. */
export function legacyRoomRequest(body: Infer<typeof legacyCreateRoomBody>): RoomRequest {
  return {
    visibility: body.visibility ?? 'private',
    aliasLocalpart: body.room_alias_name,
    name: body.name,
    topic: body.topic,
    invite: body.invite,
    powerLevels: { invite: 0 },
    eventLevels: { 'm.room.power_levels': 50 },
  }
}
