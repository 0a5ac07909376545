import { forbidden, type UserId } from '@hearth/protocol'
import type { Membership, StateMap, Store } from '@hearth/store'
import { membershipOf } from './membership-content.ts'
import type { Room } from './room.ts'
import type { RoomEvents } from './room-events.ts'
import type { Stays } from './stays.ts'

/** As whom a user reads a room, and how far. */
export interface ReadAccess {
  readonly membership: Membership | undefined
  /** The state that they may see: today's, or the one they left behind. */
  readonly state: StateMap
  readonly stateNid: number
  /** The last stream position that they may see. */
  readonly upTo: number
}

/** Decides who may read a room's state and where its timeline ends for them. */
export class RoomAccess {
  readonly #events: RoomEvents
  readonly #store: Store
  readonly #stays: Stays

  constructor(deps: { events: RoomEvents; store: Store; stays: Stays }) {
    this.#events = deps.events
    this.#store = deps.store
    this.#stays = deps.stays
  }

  /**
   * Members read today's room, former members the one they left, everybody a room whose history is world-readable.
   *
   * @throws MatrixError M_FORBIDDEN for anybody else.
   */
  async forReading(room: Room, userId: UserId): Promise<ReadAccess> {
    const access = await this.findForReading(room, userId)
    if (!access) throw forbidden('You are not in this room')
    return access
  }

  /** The same, undefined for those who may not read the room. */
  async findForReading(room: Room, userId: UserId): Promise<ReadAccess | undefined> {
    const { head } = room
    const member = await this.#events.findStateWithNid(head.state, 'm.room.member', userId)
    const membership = membershipOf(member?.event)
    if (membership === 'join' || (await this.isWorldReadable(room))) {
      return { membership, state: head.state, stateNid: head.stateNid, upTo: head.lastPos }
    }
    const end = member && (await this.#stays.lastEnd(room, member.reference))
    if (!end || (await this.#hasForgotten(room, userId))) return undefined
    const state = await this.#store.states.load(room.nid, end.stateNid)
    return { membership, state, stateNid: end.stateNid, upTo: end.pos }
  }

  /** The user's membership in today's room. */
  async membershipOf(room: Room, userId: UserId): Promise<Membership | undefined> {
    return membershipOf(await this.#events.findState(room.head.state, 'm.room.member', userId))
  }

  /** @throws MatrixError M_FORBIDDEN for users who are not joined. */
  async requireJoined(room: Room, userId: UserId): Promise<void> {
    if ((await this.membershipOf(room, userId)) !== 'join') throw forbidden('You are not in this room')
  }

  async isWorldReadable(room: Room): Promise<boolean> {
    const event = await this.#events.findState(room.head.state, 'm.room.history_visibility', '')
    return event?.pdu.content['history_visibility'] === 'world_readable'
  }
  async #hasForgotten(room: Room, userId: UserId): Promise<boolean> {
    const userNid = await this.#store.users.find(userId)
    return userNid !== undefined && this.#store.localMemberships.isForgotten(userNid, room.nid)
  }
}
