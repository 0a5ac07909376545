import type { JsonObject, RoomId } from '@hearth/protocol'
import type { Pdu, RoomEvent } from '@hearth/rooms'
import { maybeOutside, type Membership, type Store } from '@hearth/store'
import { strip } from './stripped-state.ts'
import type { UserRoom, UserStream } from './user-stream.ts'

/** A room as a user sees it who knows of it from another server alone. */
export interface OutsideRoom {
  readonly roomId: RoomId
  readonly membership: Membership
  /** Their member event. */
  readonly member: RoomEvent
  /** What was told of the room: stripped state, the member event last. */
  readonly stripped: readonly JsonObject[]
}

/** Reads the invitations into rooms that this server is not in, the knocks on them, and how those ended. */
export class OutsideRooms {
  readonly #store: Store

  constructor(deps: { store: Store }) {
    this.#store = deps.store
  }

  /** Those of a user's rooms that are known from outside alone, by number. No query where there can be none. */
  async of({ userNid }: Pick<UserStream, 'userNid'>, rooms: readonly UserRoom[]): Promise<Map<number, OutsideRoom>> {
    const nids = new Map<number, number>()
    for (const { roomNid, membership, nid } of rooms) {
      if (membership !== 'join' && maybeOutside(nid)) nids.set(roomNid, nid)
    }
    const found = new Map<number, OutsideRoom>()
    for (const row of await this.#store.outsideMemberships.findAll(userNid, [...nids.keys()])) {
      if (row.nid !== nids.get(row.roomNid)) continue
      const pdu = JSON.parse(row.json) as Pdu
      const state = JSON.parse(row.stripped) as JsonObject[]
      found.set(row.roomNid, {
        roomId: row.roomId,
        membership: row.membership,
        member: { eventId: row.eventId, pdu },
        stripped: [...state, strip({ pdu })],
      })
    }
    return found
  }
}
