import { s, type RoomId } from '@hearth/protocol'
import { endpoint } from '../context.ts'
import { v3 } from '../paths.ts'

/** Replaces a room by one of another version. {@link https://spec.matrix.org/v1.19/client-server-api/#post_matrixclientv3roomsroomidupgrade} */
export const upgradeRoom = endpoint({
  method: 'POST',
  path: v3('/rooms/:roomId/upgrade'),
  auth: 'activeUser',
  rateLimit: 'roomCreation',
  params: s.object({ roomId: s.format<RoomId>('mx-room-id') }),
  body: s.object({ new_version: s.string, additional_creators: s.optional(s.array(s.string)) }),
  response: s.object({ replacement_room: s.string }),
  async handle({ rooms, roomUpgrade }, { params, body, requester }) {
    const replacement = await roomUpgrade.upgrade({
      requester,
      room: await rooms.get(params.roomId),
      version: body.new_version,
      additionalCreators: body.additional_creators,
    })
    return { replacement_room: replacement }
  },
})
