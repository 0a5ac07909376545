import { s, serverOf, type RoomId, type UserId } from '@hearth/protocol'
import { edu } from './edu.ts'

/**
 * Somebody types in a room, or not any more.
 * {@link https://spec.matrix.org/v1.19/server-server-api/#typing-notifications}
 */
export const typing = edu({
  type: 'm.typing',
  content: s.object({
    room_id: s.format<RoomId>('mx-room-id'),
    user_id: s.format<UserId>('mx-user-id'),
    typing: s.boolean,
  }),
  async receive({ rooms, roomAcls, typing: notices }, { origin, content }) {
    const { room_id: roomId, user_id: userId, typing: isTyping } = content
    if (serverOf(userId) !== origin) return
    const room = await rooms.find(roomId)
    if (room && (await roomAcls.isAllowed(room, origin))) await notices.receive({ room, userId, isTyping })
  },
})
