import { isJsonObject, isUserId, s, serverOf, type UserId } from '@hearth/protocol'
import { edu } from './edu.ts'

/**
 * A message to devices of our users. It is stored when the transaction is answered.
 * {@link https://spec.matrix.org/v1.19/server-server-api/#send-to-device-messaging}
 */
export const directToDevice = edu({
  type: 'm.direct_to_device',
  content: s.object({
    sender: s.format<UserId>('mx-user-id'),
    type: s.string,
    message_id: s.refine(s.string, { maxLength: 255 }),
    messages: s.record(s.record(s.unknown)),
  }),
  async receive({ toDeviceSender }, { origin, content }) {
    const { sender, type, message_id: messageId } = content
    if (serverOf(sender) !== origin) return
    const messages = Object.entries(content.messages).flatMap(([userId, byDevice]) => {
      if (!isUserId(userId)) return []
      return Object.entries(byDevice).flatMap(([deviceId, message]) => {
        return isJsonObject(message) ? [{ userId, deviceId, content: message }] : []
      })
    })
    await toDeviceSender.receive({ sender, type, messageId, messages })
  },
})
