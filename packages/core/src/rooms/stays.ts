import type { Store } from '@hearth/store'
import { membershipOf } from './membership-content.ts'
import type { Room } from './room.ts'
import type { RoomEvents } from './room-events.ts'

/** How many of a user's earlier memberships are looked at. */
const maxEarlierMemberships = 50

/** Where a stay in a room ended. */
export interface StayEnd {
  /** The member event that ended it. */
  readonly nid: number
  readonly pos: number
  /** The id of the room's state after it. */
  readonly stateNid: number
}

/** What came of a user's membership of a room. */
export interface PastMembership {
  /** The end of their last stay; undefined for somebody who never was joined. */
  readonly end: StayEnd | undefined
  /** Their member events after that, oldest first. */
  readonly laterNids: readonly number[]
}

/** Looks back over the stretches of time in which users were joined to rooms. */
export class Stays {
  readonly #events: RoomEvents
  readonly #store: Store

  constructor(deps: { events: RoomEvents; store: Store }) {
    this.#events = deps.events
    this.#store = deps.store
  }

  /**
   * What came of a user who is not joined, by their newest member event. Rejecting an invitation, or being banned from
   * outside, makes no former member of anybody who never was one.
   */
  async lookBack(room: Room, memberNid: number): Promise<PastMembership> {
    const userId = (await this.#events.findByNids([memberNid])).get(memberNid)?.pdu.state_key
    const laterNids: number[] = []
    let nid: number | undefined = userId === undefined ? undefined : memberNid
    for (let step = 0; nid !== undefined && step < maxEarlierMemberships; step += 1) {
      const before = await this.#store.states.loadBefore(room.nid, nid)
      const earlier = await this.#events.findStateWithNid(before, 'm.room.member', userId!)
      if (membershipOf(earlier?.event) === 'join') return { end: await this.#endAt(room, nid), laterNids }
      laterNids.unshift(nid)
      nid = earlier?.reference
    }
    return { end: undefined, laterNids }
  }

  /** The end of a user's last stay, by their newest member event. */
  async lastEnd(room: Room, memberNid: number): Promise<StayEnd | undefined> {
    return (await this.lookBack(room, memberNid)).end
  }

  async #endAt(room: Room, nid: number): Promise<StayEnd> {
    const [row] = await this.#store.events.findByNids([nid])
    return { nid, pos: row?.streamPos ?? nid, stateNid: row?.stateNid ?? room.head.stateNid }
  }
}
