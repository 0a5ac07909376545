import type { HeardReceipt } from '@hearth/core'
import {
  isEventId,
  isJsonObject,
  isRoomId,
  isUserId,
  s,
  serverOf,
  type JsonValue,
  type ServerName,
} from '@hearth/protocol'
import { edu } from './edu.ts'

const maxThreadIdLength = 255

/**
 * How far people have read in rooms. What is said of one of them may be wrong without being so of the others.
 * {@link https://spec.matrix.org/v1.19/server-server-api/#receipts}
 */
export const receipt = edu({
  type: 'm.receipt',
  content: s.record(s.object({ 'm.read': s.optional(s.record(s.unknown)) })),
  async receive({ rooms, roomAcls, receipts }, { origin, content }) {
    for (const [roomId, { 'm.read': read = {} }] of Object.entries(content)) {
      const heard = Object.entries(read).flatMap(
        ([userId, value]) => receiptOf(origin, userId, value as JsonValue) ?? [],
      )
      const room = heard.length > 0 && isRoomId(roomId) ? await rooms.find(roomId) : undefined
      if (room && (await roomAcls.isAllowed(room, origin))) await receipts.receive(room, heard)
    }
  },
})

function receiptOf(origin: ServerName, userId: string, value: JsonValue): HeardReceipt | undefined {
  if (!isUserId(userId) || serverOf(userId) !== origin || !isJsonObject(value)) return undefined
  const { event_ids: eventIds, data } = value
  const eventId = Array.isArray(eventIds) && eventIds.length === 1 ? eventIds[0] : undefined
  if (typeof eventId !== 'string' || !isEventId(eventId) || !isJsonObject(data)) return undefined
  const { ts, thread_id: threadId } = data
  if (typeof ts !== 'number' || !Number.isSafeInteger(ts) || ts < 0) return undefined
  if (threadId === undefined) return { userId, eventId, ts }
  if (typeof threadId !== 'string' || threadId.length > maxThreadIdLength) return undefined
  return { userId, eventId, ts, threadId }
}
