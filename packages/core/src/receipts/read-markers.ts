import { isEventId, type EventId } from '@hearth/protocol'
import type { ReceiptType, Store } from '@hearth/store'
import type { AccountData } from '../account-data/account-data.ts'
import type { Requester } from '../requester.ts'
import type { RoomAccess } from '../rooms/room-access.ts'
import type { Room } from '../rooms/room.ts'
import type { Receipts } from './receipts.ts'

const markerType = 'm.fully_read'

export interface ReadMarkerRequest {
  readonly requester: Requester
  readonly room: Room
  /** The last event of what the user has dealt with. */
  readonly fullyRead?: EventId | undefined
  /** Receipts to be sent along. */
  readonly receipts?: Partial<Readonly<Record<ReceiptType, EventId | undefined>>>
}

/**
 * Where people have read everything, which is in their account data and theirs alone.
 * {@link https://spec.matrix.org/v1.19/client-server-api/#fully-read-markers}
 */
export class ReadMarkers {
  readonly #deps: {
    readonly accountData: AccountData
    readonly receipts: Receipts
    readonly access: RoomAccess
    readonly store: Pick<Store, 'accountData' | 'events'>
  }

  constructor(deps: {
    accountData: AccountData
    receipts: Receipts
    access: RoomAccess
    store: Pick<Store, 'accountData' | 'events'>
  }) {
    this.#deps = deps
  }

  /**
   * Moves a user's marker forward, and their receipts. What is behind where they are stays as it is.
   *
   * @throws MatrixError M_FORBIDDEN for who is not joined, M_NOT_FOUND for what is no event of the room's timeline.
   */
  async set({ requester, room, fullyRead, receipts = {} }: ReadMarkerRequest): Promise<void> {
    await this.#deps.access.requireJoined(room, requester.userId)
    // All of them before anything is written.
    const wanted = [fullyRead, ...Object.values(receipts)].filter((eventId) => eventId !== undefined)
    for (const eventId of new Set(wanted)) await this.#deps.receipts.findEvent(room, eventId)
    if (fullyRead !== undefined) await this.#moveMarker(requester, room, fullyRead)
    for (const type of ['m.read', 'm.read.private'] as const) {
      const eventId = receipts[type]
      if (eventId !== undefined) await this.#deps.receipts.send({ requester, room, type, eventId })
    }
  }

  async #moveMarker({ userNid }: Requester, room: Room, eventId: EventId): Promise<void> {
    const { accountData, receipts, store } = this.#deps
    const { pos } = await receipts.findEvent(room, eventId)
    const known = await store.accountData.find(userNid, room.nid, markerType)
    if (known !== undefined && (await this.#positionOf(room, known)) >= pos) return
    await accountData.setByServer({ userNid, roomId: room.id, type: markerType }, { event_id: eventId })
  }

  /** Where a marker is; before everything when its event is gone. */
  async #positionOf(room: Room, content: string): Promise<number> {
    const { event_id: eventId } = JSON.parse(content) as { event_id?: unknown }
    if (typeof eventId !== 'string' || !isEventId(eventId)) return -Infinity
    const [row] = await this.#deps.store.events.findByIds([eventId])
    return row?.roomNid === room.nid ? (row.streamPos ?? -Infinity) : -Infinity
  }
}
