import type { UserId } from '@hearth/protocol'
import type { Store } from '@hearth/store'
import type { ShownReceipt } from '../receipts/receipt-content.ts'
import type { UserRoom } from './user-stream.ts'

/**
 * Of each room the newest receipts that an answer holds when they have to be read from the store: those of people who have
 * read nothing for so long tell nobody anything.
 */
const maxPerRoom = 500

/** Reads receipts as one user sees them: what moved lately from memory, everything else from the store. */
export class ReceiptReader {
  readonly #store: Pick<Store, 'receipts' | 'users'>

  constructor(deps: { store: Pick<Store, 'receipts' | 'users'> }) {
    this.#store = deps.store
  }

  /** Those that moved after a position, or ever, up to another, by room. The private ones of others are left out. */
  async changes(
    userNid: number,
    rooms: readonly UserRoom[],
    since: number | undefined,
    upTo: number,
  ): Promise<ReadonlyMap<number, readonly ShownReceipt[]>> {
    const found = new Map<number, ShownReceipt[]>()
    const asked: number[] = []
    for (const { roomNid, membership, pos, watch } of rooms) {
      if (membership !== 'join') continue
      // To who has come in since, all of the room is new.
      const isNew = since === undefined || pos > since
      const recent = isNew ? undefined : watch?.receipts.between(since, upTo)
      if (!recent) asked.push(roomNid)
      else if (recent.length > 0) {
        const shown = recent.filter((receipt) => receipt.type !== 'm.read.private' || receipt.userNid === userNid)
        if (shown.length > 0) found.set(roomNid, shown)
      }
    }
    const joinedSince = new Set(
      rooms.flatMap(({ roomNid, pos }) => (since !== undefined && pos > since ? [roomNid] : [])),
    )
    const isAllNew = (roomNid: number) => since === undefined || joinedSince.has(roomNid)
    await this.#read(userNid, asked.filter(isAllNew), 0, upTo, found)
    await this.#read(
      userNid,
      asked.filter((roomNid) => !isAllNew(roomNid)),
      since ?? 0,
      upTo,
      found,
    )
    return found
  }

  async #read(
    userNid: number,
    roomNids: readonly number[],
    after: number,
    upTo: number,
    found: Map<number, ShownReceipt[]>,
  ): Promise<void> {
    const rows = await this.#store.receipts.listChanged(userNid, roomNids, { after, upTo, limit: maxPerRoom })
    const userIds = await this.#store.users.keysOf([...new Set(rows.map((row) => row.userNid))])
    for (const row of rows) {
      const receipts = found.get(row.roomNid)
      const receipt = { ...row, userId: userIds.get(row.userNid) as UserId }
      if (receipts) receipts.push(receipt)
      else found.set(row.roomNid, [receipt])
    }
  }
}
