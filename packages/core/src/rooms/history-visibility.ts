import type { UserId } from '@hearth/protocol'
import type { RoomEvent } from '@hearth/rooms'
import { gapOfPosition, type Membership, type StateMap, type Store, type TimelineGap } from '@hearth/store'
import { hidesEvent, type IgnoredUsers } from '../account-data/ignored-users.ts'
import { membershipOf } from './membership-content.ts'
import type { Room } from './room.ts'
import type { RoomEvents } from './room-events.ts'
import type { Stays } from './stays.ts'

type Visibility = 'invited' | 'joined' | 'shared' | 'world_readable'

/** The state of affairs between a user and a room at one state of the room. */
interface Moment {
  readonly visibility: Visibility
  readonly membership: Membership
}

/** What the decision needs to know of an event. */
export interface TimelinePoint {
  readonly pos: number
  readonly nid: number
  /** The id of the room's state after the event. */
  readonly stateNid: number
  readonly event: RoomEvent
}

/** An event with the membership that its reader had at it. */
export type Visible<Point extends TimelinePoint> = Point & { readonly membership: Membership }

interface HistoryVisibilityDeps {
  readonly events: RoomEvents
  readonly store: Store
  readonly stays: Stays
  readonly ignoredUsers: IgnoredUsers
}

/**
 * Decides which events of a room a user may see, by the history visibility and the membership at each event's own state,
 * and by whom they ignore.
 * {@link https://spec.matrix.org/v1.19/client-server-api/#room-history-visibility}
 */
export class HistoryVisibility {
  readonly #deps: HistoryVisibilityDeps

  constructor(deps: HistoryVisibilityDeps) {
    this.#deps = deps
  }

  /** Reads together what it takes to judge what a user may see of many rooms. */
  async prepare(rooms: readonly Room[], userId: UserId): Promise<void> {
    const { events, store } = this.#deps
    await Promise.all([
      store.eventTypes.findAll(['m.room.history_visibility', 'm.room.member']),
      store.stateKeys.findAll(['', userId]),
    ])
    const nids = await Promise.all(
      rooms.flatMap(({ head: { state } }) => [
        events.findStateNid(state, 'm.room.history_visibility', ''),
        events.findStateNid(state, 'm.room.member', userId),
      ]),
    )
    await events.findByNids(nids.filter((nid) => nid !== undefined))
  }

  /**
   * A judge of one room's events for one user, to be used for one answer: it remembers what it looked up. Without regard
   * to whom the user ignores where `showsIgnored` is set.
   */
  judge(room: Room, userId: UserId, { showsIgnored = false } = {}): HistoryJudge {
    return new HistoryJudge(this.#deps, room, userId, showsIgnored)
  }
}

export class HistoryJudge {
  readonly #deps: HistoryVisibilityDeps
  readonly #room: Room
  readonly #userId: UserId
  readonly #showsIgnored: boolean
  readonly #moments = new Map<number, Moment>()
  #memberUpTo: number | undefined
  #gaps: readonly TimelineGap[] | undefined

  constructor(deps: HistoryVisibilityDeps, room: Room, userId: UserId, showsIgnored: boolean) {
    this.#deps = deps
    this.#room = room
    this.#userId = userId
    this.#showsIgnored = showsIgnored
  }

  /** The events that the user may see, in the order given. */
  async visible<Point extends TimelinePoint>(points: readonly Point[]): Promise<Visible<Point>[]> {
    if (points.length === 0) return []
    const ignored = await this.#deps.ignoredUsers.of(this.#userId)
    this.#memberUpTo ??= await this.#findMemberUpTo()
    await this.#lookAt(points.map(({ stateNid }) => stateNid))
    const visible: Visible<Point>[] = []
    for (const point of points) {
      if (!this.#showsIgnored && hidesEvent(ignored, point.event)) continue
      const after = this.#moments.get(point.stateNid)!
      const place = await this.#placeOf(point)
      if (this.#isOwnMembership(point) || this.#allows(after, place) || (await this.#allowsBefore(point, place))) {
        visible.push({ ...point, membership: after.membership })
      }
    }
    return visible
  }

  /**
   * The last position up to which the user counts as a member of the room: everything before that, they were joined at or
   * joined after. What came after they left is not theirs, nor is anything to somebody who never joined.
   */
  async #findMemberUpTo(): Promise<number> {
    const { events, stays } = this.#deps
    const member = await events.findStateWithNid(this.#room.head.state, 'm.room.member', this.#userId)
    if (!member) return -Infinity
    if (membershipOf(member.event) === 'join') return Infinity
    return (await stays.lastEnd(this.#room, member.reference))?.pos ?? -Infinity
  }

  /** Where an event belongs among those that came live: what was backfilled into a gap, right before what stands after it. */
  async #placeOf({ pos }: TimelinePoint): Promise<number> {
    const gap = pos < 0 ? gapOfPosition(pos) : 0
    if (gap === 0) return pos
    this.#gaps ??= await this.#deps.store.timelineGaps.list(this.#room.nid)
    return this.#gaps.find(({ number }) => number === gap)?.beforePos ?? Infinity
  }

  #allows({ visibility, membership }: Moment, place: number): boolean {
    if (visibility === 'world_readable') return true
    if (place > this.#memberUpTo!) return false
    return membership === 'join' || visibility === 'shared' || (visibility === 'invited' && membership === 'invite')
  }

  /** What becomes of their membership, users are told in any case. */
  #isOwnMembership({ event: { pdu } }: TimelinePoint): boolean {
    return pdu.type === 'm.room.member' && pdu.state_key === this.#userId
  }

  /** A change of the visibility is seen by whom either side lets see it. */
  async #allowsBefore(point: TimelinePoint, place: number): Promise<boolean> {
    const { type, state_key: stateKey } = point.event.pdu
    if (type !== 'm.room.history_visibility' || stateKey !== '') return false
    const before = await this.#deps.store.states.loadBefore(this.#room.nid, point.nid)
    return this.#allows(await this.#momentOf(before), place)
  }

  async #lookAt(stateNids: readonly number[]): Promise<void> {
    const missing = stateNids.filter((nid) => !this.#moments.has(nid))
    if (missing.length === 0) return
    for (const [nid, state] of await this.#deps.store.states.loadAll(this.#room.nid, missing)) {
      this.#moments.set(nid, await this.#momentOf(state))
    }
  }

  async #momentOf(state: StateMap): Promise<Moment> {
    const { events } = this.#deps
    const [visibility, member] = await Promise.all([
      events.findState(state, 'm.room.history_visibility', ''),
      events.findState(state, 'm.room.member', this.#userId),
    ])
    return {
      visibility: visibilityOf(visibility?.pdu.content['history_visibility']),
      membership: membershipOf(member) ?? 'leave',
    }
  }
}

function visibilityOf(value: unknown): Visibility {
  return value === 'world_readable' || value === 'invited' || value === 'joined' ? value : 'shared'
}
