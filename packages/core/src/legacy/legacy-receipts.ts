import type { JsonObject } from '@hearth/protocol'
import type { IgnoredUsers } from '../account-data/ignored-users.ts'
import { receiptContents } from '../receipts/receipt-content.ts'
import type { Requester } from '../requester.ts'
import type { RoomRegistry } from '../rooms/room-registry.ts'
import type { ReceiptReader } from '../sync/receipt-reader.ts'
import type { UserRoom } from '../sync/user-stream.ts'

/** Receipts in the form that the founding API's endpoints give them: as events that name their room. */
export class LegacyReceipts {
  readonly #receipts: ReceiptReader
  readonly #rooms: RoomRegistry
  readonly #ignoredUsers: IgnoredUsers

  constructor(deps: { receipts: ReceiptReader; rooms: RoomRegistry; ignoredUsers: IgnoredUsers }) {
    this.#receipts = deps.receipts
    this.#rooms = deps.rooms
    this.#ignoredUsers = deps.ignoredUsers
  }

  /** The receipts of rooms that a user is joined to which moved after a position, or ever, up to another. */
  async changes(
    { userId, userNid }: Requester,
    userRooms: readonly UserRoom[],
    after: number | undefined,
    upTo: number,
  ): Promise<JsonObject[]> {
    const moved = await this.#receipts.changes(userNid, userRooms, after, upTo)
    if (moved.size === 0) return []
    const ignored = await this.#ignoredUsers.of(userId)
    const rooms = await this.#rooms.findByNids([...moved.keys()])
    return [...moved].flatMap(([roomNid, receipts]) => {
      const room = rooms.get(roomNid)
      const shown = receipts.filter((receipt) => !ignored.has(receipt.userId))
      return room
        ? receiptContents(shown).map((content): JsonObject => {
            return { type: 'm.receipt', room_id: room.id, content: JSON.parse(content) as JsonObject }
          })
        : []
    })
  }
}
