import { canonicalJson } from '@hearth/crypto'
import type { JsonObject, RoomId, UserId } from '@hearth/protocol'

/** How far a user has read. */
export interface OutgoingReceipt {
  readonly roomId: RoomId
  readonly userId: UserId
  readonly eventId: string
  readonly threadId: string | null
  readonly ts: number
}

/** How a user is. */
export interface OutgoingPresence extends JsonObject {
  readonly user_id: string
}

const maxTyping = 200
const maxPresences = 500
const maxReceipts = 1_000
const receiptsPerEdu = 200

/**
 * What a server is to be told that is worth nothing later: of each thing the latest, so that it is small however much
 * happens. What is beyond the bounds is let go of, the oldest first.
 */
export class PendingEdus {
  readonly #typing = new Map<string, JsonObject>()
  readonly #presences = new Map<string, OutgoingPresence>()
  readonly #receipts = new Map<string, OutgoingReceipt>()

  get size(): number {
    return this.#typing.size + this.#presences.size + this.#receipts.size
  }

  setTyping(roomId: RoomId, userId: UserId, isTyping: boolean): void {
    put(this.#typing, `${roomId} ${userId}`, { room_id: roomId, typing: isTyping, user_id: userId }, maxTyping)
  }

  setPresence(presence: OutgoingPresence): void {
    put(this.#presences, presence.user_id, presence, maxPresences)
  }

  setReceipt(receipt: OutgoingReceipt): void {
    const { roomId, userId, threadId } = receipt
    put(this.#receipts, `${roomId} ${userId} ${threadId ?? ''}`, receipt, maxReceipts)
  }

  clear(): void {
    this.#typing.clear()
    this.#presences.clear()
    this.#receipts.clear()
  }

  /** Takes out as much as goes into so many EDUs, as canonical JSON. */
  take(limit: number): string[] {
    const edus: string[] = []
    if (this.#presences.size > 0 && edus.length < limit) {
      edus.push(edu('m.presence', { push: [...this.#presences.values()] }))
      this.#presences.clear()
    }
    while (this.#receipts.size > 0 && edus.length < limit) edus.push(edu('m.receipt', this.#takeReceipts()))
    for (const [key, content] of this.#typing) {
      if (edus.length >= limit) break
      edus.push(edu('m.typing', content))
      this.#typing.delete(key)
    }
    return edus
  }

  /** Takes out the receipts of one EDU, which has room for one of each user in a room. */
  #takeReceipts(): JsonObject {
    const rooms = new Map<RoomId, Map<UserId, JsonObject>>()
    let count = 0
    for (const [key, { roomId, userId, eventId, threadId, ts }] of this.#receipts) {
      if (count >= receiptsPerEdu) break
      let users = rooms.get(roomId)
      if (!users) rooms.set(roomId, (users = new Map<UserId, JsonObject>()))
      if (users.has(userId)) continue
      users.set(userId, { event_ids: [eventId], data: { ts, ...(threadId !== null && { thread_id: threadId }) } })
      this.#receipts.delete(key)
      count += 1
    }
    // Entries, because user ids may be names that assignment to an object treats specially.
    return Object.fromEntries([...rooms].map(([roomId, users]) => [roomId, { 'm.read': Object.fromEntries(users) }]))
  }
}

function put<T>(map: Map<string, T>, key: string, value: T, max: number): void {
  map.delete(key)
  map.set(key, value)
  if (map.size > max) map.delete(map.keys().next().value!)
}

function edu(type: string, content: JsonObject): string {
  return canonicalJson({ content, edu_type: type })
}
