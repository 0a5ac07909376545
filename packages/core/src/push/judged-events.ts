import type { UserId } from '@hearth/protocol'
import { PushEvent, type CompiledPushRules, type PushEffect, type RoomEvent } from '@hearth/rooms'
import { LruCache, type Metrics } from '@hearth/runtime'
import type { Store } from '@hearth/store'
import { peekThread, threadOf } from '../receipts/thread-of.ts'
import { membershipOf } from '../rooms/membership-content.ts'
import { powerLevelsIn } from '../rooms/power-levels-in.ts'
import type { RoomEvents } from '../rooms/room-events.ts'
import type { Room } from '../rooms/room.ts'

/** An event of a room's timeline, as far as counting needs it. */
export interface CountableEvent {
  readonly pos: number
  readonly nid: number
  readonly event: RoomEvent
  /** The id of the room's state after the event. */
  readonly stateNid: number
  readonly isRedacted: boolean
  /** For a state event: the one that held its key before; null for none, absent where it has to be looked up. */
  readonly replacesNid?: number | null
}

interface Judged {
  readonly push: PushEvent
  /** The thread that the event is in, once somebody has asked. */
  thread?: Promise<string> | undefined
  /** The same, once it is known. */
  threadId?: string
}

const maxCounts = 10_000

/** What push rules make of events. Whatever is the same for all readers of an event is found once. */
export class JudgedEvents {
  readonly #store: Pick<Store, 'currentState' | 'events' | 'states'>
  readonly #events: RoomEvents
  readonly #judged = new WeakMap<RoomEvent, Judged>()
  /** How many users are joined, by room, as of a state. */
  readonly #memberCounts: LruCache<number, { readonly stateNid: number; readonly count: number }>

  constructor(deps: {
    store: Pick<Store, 'currentState' | 'events' | 'states'>
    events: RoomEvents
    metrics: Metrics
  }) {
    this.#store = deps.store
    this.#events = deps.events
    this.#memberCounts = new LruCache({ name: 'member-counts', maxEntries: maxCounts, metrics: deps.metrics })
  }

  /** What an event does to the counts of a user, if that can be told without asking for anything. */
  peekEffect(room: Room, { event }: CountableEvent, userId: string, rules: CompiledPushRules): PushEffect | undefined {
    return rules.effectOf(this.#of(room, event).push, { userId })
  }

  /** What an event does to the counts of a user. */
  async effectOf(room: Room, counted: CountableEvent, userId: UserId, rules: CompiledPushRules): Promise<PushEffect> {
    const known = this.peekEffect(room, counted, userId, rules)
    if (known) return known
    const { push } = this.#of(room, counted.event)
    push.memberCount ??= await this.#memberCount(room)
    push.senderMayNotify ??= await this.#permissionOf(room, counted)
    const displayName = rules.asksForName ? await this.#displayName(room, counted, userId) : null
    return rules.effectOf(push, { userId, displayName })!
  }

  /** The thread that an event is in, if the event itself says so or somebody has asked before. */
  peekThread(room: Room, event: RoomEvent): string | undefined {
    return peekThread(event) ?? this.#of(room, event).threadId
  }

  /** The thread that an event is in: the id of its root, or `main`. */
  async threadOf(room: Room, event: RoomEvent): Promise<string> {
    const judged = this.#of(room, event)
    if (!judged.thread) {
      judged.thread = threadOf(event, async (eventId) => {
        const [row] = await this.#store.events.findByIds([eventId])
        return row?.roomNid === room.nid ? this.#events.parse(row) : undefined
      })
      // The next one who asks looks again, rather than being told for ever that the database was away once.
      judged.thread.then(
        (threadId) => (judged.threadId = threadId),
        () => (judged.thread = undefined),
      )
    }
    return judged.thread
  }

  /** Whether a user was joined to a room just before a member event of theirs. */
  async wasJoinedBefore(room: Room, { nid, replacesNid }: CountableEvent, userId: string): Promise<boolean> {
    if (replacesNid === null) return false
    if (replacesNid !== undefined) {
      return membershipOf((await this.#events.findByNids([replacesNid])).get(replacesNid)) === 'join'
    }
    const before = await this.#store.states.loadBefore(room.nid, nid)
    return membershipOf(await this.#events.findState(before, 'm.room.member', userId)) === 'join'
  }

  /** Whether a user was joined to a room just after an event. */
  async wasJoinedAt(room: Room, { stateNid }: CountableEvent, userId: string): Promise<boolean> {
    const state = await this.#store.states.load(room.nid, stateNid)
    return membershipOf(await this.#events.findState(state, 'm.room.member', userId)) === 'join'
  }

  #of(room: Room, event: RoomEvent): Judged {
    let judged = this.#judged.get(event)
    if (!judged) this.#judged.set(event, (judged = { push: new PushEvent({ event, roomId: room.id }) }))
    return judged
  }

  async #memberCount({ nid, head: { stateNid } }: Room): Promise<number> {
    const known = this.#memberCounts.get(nid)
    if (known?.stateNid === stateNid) return known.count
    const count = (await this.#store.currentState.countMembers([nid])).get(nid)!.join
    this.#memberCounts.set(nid, { stateNid, count })
    return count
  }

  async #permissionOf(room: Room, { event, stateNid }: CountableEvent): Promise<(key: string) => boolean> {
    const state = await this.#store.states.load(room.nid, stateNid)
    const [create, powerLevels] = await Promise.all([
      this.#events.findState(state, 'm.room.create', ''),
      this.#events.findState(state, 'm.room.power_levels', ''),
    ])
    const levels = powerLevelsIn(room.version, create, powerLevels)
    return (key) => levels.of(event.pdu.sender) >= levels.toNotify(key)
  }

  async #displayName(room: Room, { stateNid }: CountableEvent, userId: string): Promise<string | null> {
    const state = await this.#store.states.load(room.nid, stateNid)
    const member = await this.#events.findState(state, 'm.room.member', userId)
    const name = member?.pdu.content['displayname']
    return typeof name === 'string' ? name : null
  }
}
