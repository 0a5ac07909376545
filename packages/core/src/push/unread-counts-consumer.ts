import type { UserId } from '@hearth/protocol'
import { TimeSlice, type Clock } from '@hearth/runtime'
import type {
  ConsumedPage,
  LocalMembershipRow,
  ReadUpTo,
  Store,
  StoredChange,
  StreamConsumer,
  Tables,
  UnreadCountRow,
} from '@hearth/store'
import type { IgnoredUsers } from '../account-data/ignored-users.ts'
import { membershipOf } from '../rooms/membership-content.ts'
import type { RoomEvents } from '../rooms/room-events.ts'
import type { RoomRegistry } from '../rooms/room-registry.ts'
import type { Room } from '../rooms/room.ts'
import type { JudgedEvents } from './judged-events.ts'
import type { PushRules } from './push-rules.ts'
import { RoomTally } from './room-tally.ts'
import { countableOf, type Reader, type Tallying } from './tallying.ts'

/** The name of the consumer's cursor. */
export const unreadCountsConsumer = 'unread-counts'

export interface UnreadCountsConsumerDeps {
  readonly store: Pick<Store, 'users'>
  readonly rooms: RoomRegistry
  readonly events: RoomEvents
  readonly judged: JudgedEvents
  readonly tallying: Tallying
  readonly pushRules: PushRules
  readonly ignoredUsers: IgnoredUsers
  readonly clock: Clock
}

type EventOfStream = Extract<StoredChange, { kind: 'event' }>
type ReceiptOfStream = Extract<StoredChange, { kind: 'receipt' }>

/** The local users of a room, and how to judge for them. */
interface Audience {
  readonly room: Room
  readonly members: readonly Member[]
}

/** One of them, in this room. */
interface Member extends Reader {
  readonly row: LocalMembershipRow
}

/** What a page of the stream does to the counts of one user in one room. */
interface Outcome {
  readonly userNid: number
  readonly roomNid: number
  /** What was read meanwhile: a thread, or all of them (null). What counts came after it. */
  readonly read: Set<string | null>
  readonly tally: RoomTally
}

/**
 * Counts what each local user has not read, so that a first sync finds it. It follows at leisure and writes one row for each
 * user and thread in which something happened, however much did; whoever syncs counts in memory what it has not come to.
 */
export class UnreadCountsConsumer implements StreamConsumer<StoredChange> {
  readonly name = unreadCountsConsumer
  readonly startAt = 'beginning'
  /** A row that is written once for many events is worth a wait: nobody waits for it. */
  readonly lingerMs = 30_000
  readonly #deps: UnreadCountsConsumerDeps

  constructor(deps: UnreadCountsConsumerDeps) {
    this.#deps = deps
  }

  async handle({ changes, upTo }: ConsumedPage<StoredChange>, tx: Tables): Promise<void> {
    const events = changes.filter((change): change is EventOfStream => change.kind === 'event')
    await this.#takeEvents(events, tx)
    // A receipt is about events before it, so that it may be taken after those that came later: these stay.
    const receipts = changes.filter((change): change is ReceiptOfStream => change.kind === 'receipt')
    await this.#takeReceipts(receipts, upTo, tx)
  }

  async #takeEvents(changes: readonly EventOfStream[], tx: Tables): Promise<void> {
    const audiences = await this.#audiencesOf([...new Set(changes.map(({ event }) => event.roomNid))], tx)
    const outcomes = new Map<Member, Outcome>()
    const slice = new TimeSlice(this.#deps.clock)
    for (const change of changes) {
      const audience = audiences.get(change.event.roomNid)
      if (audience) await this.#takeEvent(change, audience, outcomes, slice)
    }
    const all = [...outcomes.values()]
    await tx.unreadCounts.clear(
      all.flatMap(({ userNid, roomNid, read }): ReadUpTo[] => {
        return [...read].map((threadId) => ({ userNid, roomNid, threadId, pos: Number.MAX_SAFE_INTEGER }))
      }),
    )
    await tx.unreadCounts.add(all.flatMap(rowsOf))
  }

  async #takeEvent(
    change: EventOfStream,
    { room, members }: Audience,
    outcomes: Map<Member, Outcome>,
    slice: TimeSlice,
  ): Promise<void> {
    const { events, judged } = this.#deps
    const { event: row, pos } = change
    const event = events.parse(row)
    const counted = countableOf(row, event, room)
    const { sender, type, state_key: stateKey } = event.pdu
    const thread = judged.peekThread(room, event)
    for (const member of members) {
      if (slice.isOver) await slice.rest()
      const { userId, row: membership } = member
      if (type === 'm.room.member' && stateKey === userId) {
        const stays = membershipOf(event) === 'join' && (await judged.wasJoinedBefore(room, counted, userId))
        if (!stays) read(outcomeOf(outcomes, member, room), null)
      } else if (sender === userId) {
        if (stateKey === undefined) {
          read(outcomeOf(outcomes, member, room), thread ?? (await judged.threadOf(room, event)))
        }
      } else if (!counted.isRedacted && !member.ignored.has(sender)) {
        const isSettled = membership.pos <= pos
        if (isSettled && membership.membership !== 'join') continue
        const { rules } = member
        const effect =
          judged.peekEffect(room, counted, userId, rules) ?? (await judged.effectOf(room, counted, userId, rules))
        if (!effect.notifies) continue
        // Their membership has changed since.
        if (!isSettled && !(await judged.wasJoinedAt(room, counted, userId))) continue
        const threadId = thread ?? (await judged.threadOf(room, event))
        outcomeOf(outcomes, member, room).tally.add(threadId, effect, pos)
      }
    }
  }

  async #takeReceipts(changes: readonly ReceiptOfStream[], upTo: number, tx: Tables): Promise<void> {
    const ranges = changes.map(({ receipt: { userNid, roomNid, threadId, eventPos: pos } }): ReadUpTo => {
      return { userNid, roomNid, threadId, pos }
    })
    await tx.unreadCounts.clear(ranges)
    const rest = Map.groupBy(await tx.unreadCounts.listIn(ranges), ({ userNid, roomNid }) => `${userNid} ${roomNid}`)
    for (const rows of rest.values()) await this.#recount(rows, upTo, tx)
  }

  /** Counts threads of one user in one room anew, which were read in part. */
  async #recount(rows: readonly UnreadCountRow[], upTo: number, tx: Tables): Promise<void> {
    const { rooms, store, pushRules, ignoredUsers, tallying } = this.#deps
    const { userNid, roomNid } = rows[0]!
    const room = await rooms.findByNid(roomNid)
    if (!room) return
    const userId = await store.users.keyOf(userNid)
    const [rules, ignored] = [await pushRules.of(userNid), await ignoredUsers.of(userId)]
    const tally = new RoomTally()
    const threadIds = rows.map(({ threadId }) => threadId)
    await tallying.recount(tally, room, threadIds, { userNid, userId, rules: rules.compiled, ignored }, upTo)
    await tx.unreadCounts.clear(
      threadIds.map((threadId) => ({ userNid, roomNid, threadId, pos: Number.MAX_SAFE_INTEGER })),
    )
    await tx.unreadCounts.add(rowsOf({ userNid, roomNid, tally }))
  }

  async #audiencesOf(roomNids: readonly number[], tx: Tables): Promise<Map<number, Audience>> {
    const { rooms, store, pushRules, ignoredUsers } = this.#deps
    const [found, rows] = [await rooms.findByNids(roomNids), await tx.localMemberships.listByRooms(roomNids)]
    const userNids = [...new Set(rows.map(({ userNid }) => userNid))]
    const userIds = await store.users.keysOf(userNids)
    const rules = await pushRules.ofUsers(userNids, tx)
    const ignored = await ignoredUsers.ofUsers(userNids, tx)
    const audiences = new Map<number, { room: Room; members: Member[] }>()
    for (const [nid, room] of found) audiences.set(nid, { room, members: [] })
    for (const row of rows) {
      const { userNid, roomNid } = row
      const userId = userIds.get(userNid) as UserId
      audiences
        .get(roomNid)
        ?.members.push({ row, userNid, userId, rules: rules.get(userNid)!.compiled, ignored: ignored.get(userNid)! })
    }
    return audiences
  }
}

function outcomeOf(outcomes: Map<Member, Outcome>, member: Member, { nid: roomNid }: Room): Outcome {
  const { userNid } = member
  let outcome = outcomes.get(member)
  if (!outcome) outcomes.set(member, (outcome = { userNid, roomNid, read: new Set(), tally: new RoomTally() }))
  return outcome
}

function read({ read: threadIds, tally }: Outcome, threadId: string | null): void {
  threadIds.add(threadId)
  tally.clear(threadId ?? undefined)
}

function rowsOf({ userNid, roomNid, tally }: Pick<Outcome, 'userNid' | 'roomNid' | 'tally'>): UnreadCountRow[] {
  return [...tally.threads].map(([threadId, counts]) => ({ userNid, roomNid, threadId, ...counts }))
}
