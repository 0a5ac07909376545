import { s, type Infer, type JsonObject, type UserId } from '@hearth/protocol'
import type { RoomRequest } from '@hearth/core'
import { endpoint } from '../context.ts'
import { invitedAddress, invitedAddressBody } from '../membership/invited-address.ts'
import { v3 } from '../paths.ts'

const stateEvent = s.object({
  type: s.string,
  state_key: s.optional(s.string),
  content: s.record<unknown>(s.unknown),
})

/** What a client may say of a new room. */
export const createRoomBody = s.object({
  creation_content: s.optional(s.record<unknown>(s.unknown)),
  initial_state: s.optional(s.array(stateEvent)),
  invite: s.optional(s.array(s.format<UserId>('mx-user-id'))),
  invite_3pid: s.optional(s.array(invitedAddressBody)),
  is_direct: s.optional(s.boolean),
  name: s.optional(s.string),
  power_level_content_override: s.optional(s.record<unknown>(s.unknown)),
  preset: s.optional(s.literal('private_chat', 'public_chat', 'trusted_private_chat')),
  room_alias_name: s.optional(s.string),
  room_version: s.optional(s.string),
  topic: s.optional(s.string),
  visibility: s.optional(s.literal('public', 'private')),
})

type CreateRoomBody = Infer<typeof createRoomBody>

/** Creates a room. {@link https://spec.matrix.org/v1.19/client-server-api/#post_matrixclientv3createroom} */
export const createRoom = endpoint({
  method: 'POST',
  path: v3('/createRoom'),
  auth: 'activeUser',
  rateLimit: 'roomCreation',
  allowEmptyBody: true,
  body: createRoomBody,
  response: s.object({ room_id: s.string, room_alias: s.optional(s.string) }),
  async handle({ createRoom: useCase }, { body, requester }) {
    const { roomId, alias } = await useCase.create(requester, roomRequest(body))
    return { room_id: roomId, ...(alias && { room_alias: alias }) }
  },
})

/** What a body asks for. */
export function roomRequest(body: CreateRoomBody): RoomRequest {
  return {
    preset: body.preset,
    visibility: body.visibility,
    roomVersion: body.room_version,
    aliasLocalpart: body.room_alias_name,
    name: body.name,
    topic: body.topic,
    invite: body.invite,
    inviteAddresses: body.invite_3pid?.map(invitedAddress),
    isDirect: body.is_direct,
    creationContent: body.creation_content as JsonObject | undefined,
    initialState: body.initial_state?.map(({ type, state_key: stateKey, content }) => ({
      type,
      stateKey: stateKey ?? '',
      content: content as JsonObject,
    })),
    powerLevels: body.power_level_content_override as JsonObject | undefined,
  }
}
