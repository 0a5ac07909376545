/**
 * What a room commit writes, worked out before its positions are known: the state before and after each event, and what
 * changes in the room's current state, its local memberships and its servers. References stay those of the commit.
 */
import { transactionKey } from '../tables/client-transactions.ts'
import { eventFlags } from '../tables/event-flags.ts'
import type {
  ClientTransaction,
  CurrentStateChange,
  EventRef,
  MembershipChange,
  NewEvent,
  RoomCommit,
  StateRef,
} from './room-commit.ts'

/** The states around one event. */
interface EventState {
  readonly before: StateRef
  readonly after: StateRef
}

/** A membership of a local user, as the commit leaves it. */
interface LocalMembership {
  readonly ref: EventRef
  /** The event of the commit with which it takes effect. */
  readonly slot: EventRef
  readonly change: MembershipChange
}

/** How a server's part in the room changes. */
export interface ServerChange {
  readonly serverNid: number
  /** Joined users more or less. */
  delta: number
  /** The first event that made a user of the server a member. */
  entered: EventRef | null
  /** The last event that ended a membership of the server. */
  left: EventRef | null
}

/** A room commit with everything that follows from it. */
export interface PlannedCommit {
  readonly commit: RoomCommit
  readonly states: readonly EventState[]
  readonly headState: StateRef
  /** One entry per key. */
  readonly stateChanges: readonly CurrentStateChange[]
  readonly localMemberships: readonly LocalMembership[]
  readonly serverChanges: readonly ServerChange[]
  readonly transactions: readonly PlannedTransaction[]
}

interface PlannedTransaction {
  readonly index: number
  readonly txn: ClientTransaction
  readonly key: Buffer
}

/** Works out a commit. Throws RangeError when it contradicts itself. */
export function planCommit(commit: RoomCommit): PlannedCommit {
  const { events } = commit
  if (events.length === 0) throw new RangeError('a commit needs an event')
  if (commit.newRoom !== undefined && commit.expectedPos !== 0) throw new RangeError('a new room has no head yet')
  const states: EventState[] = []
  let state = commit.stateNid
  events.forEach((event, index) => {
    const before = event.stateBefore ?? state
    state = event.stateKeyNid === null || (event.flags & eventFlags.rejected) !== 0 ? before : -(1 + index)
    states.push({ before, after: state })
  })
  const membershipChanges = commit.resolvedHead?.changes ?? ownChanges(events)
  return {
    commit,
    states,
    headState: commit.resolvedHead?.state ?? state,
    stateChanges: lastByKey(membershipChanges),
    localMemberships: localMemberships(membershipChanges, events.length),
    serverChanges: serverChanges(membershipChanges, events.length),
    transactions: events.flatMap((event, index) =>
      event.txn === undefined ? [] : [{ index, txn: event.txn, key: transactionKey(event.txn) }],
    ),
  }
}

/** The changes that a commit's own state events make, in their order. */
function ownChanges(events: readonly NewEvent[]): CurrentStateChange[] {
  const changes: CurrentStateChange[] = []
  events.forEach(({ typeNid, stateKeyNid, membership }, index) => {
    if (stateKeyNid !== null) changes.push({ typeNid, stateKeyNid, event: -(1 + index), membership })
  })
  return changes
}

function lastByKey(changes: readonly CurrentStateChange[]): readonly CurrentStateChange[] {
  if (changes.length < 2) return changes
  return [...new Map(changes.map((change) => [`${change.typeNid} ${change.stateKeyNid}`, change])).values()]
}

function localMemberships(changes: readonly CurrentStateChange[], eventCount: number): readonly LocalMembership[] {
  if (changes.length === 0) return []
  const byUser = new Map<number, LocalMembership>()
  for (const { event, membership } of changes) {
    if (membership?.local !== true) continue
    const slot = event !== null && event < 0 ? event : -eventCount
    byUser.set(membership.userNid, { ref: event ?? slot, slot, change: membership })
  }
  return [...byUser.values()]
}

function serverChanges(changes: readonly CurrentStateChange[], eventCount: number): readonly ServerChange[] {
  if (changes.length === 0) return []
  const byServer = new Map<number, ServerChange>()
  for (const { event, membership } of changes) {
    if (membership === undefined) continue
    const joins = membership.membership === 'join'
    if (joins === (membership.previous === 'join')) continue
    let server = byServer.get(membership.serverNid)
    if (server === undefined) {
      server = { serverNid: membership.serverNid, delta: 0, entered: null, left: null }
      byServer.set(membership.serverNid, server)
    }
    // An older event that resolution brought back takes effect at the end of this commit.
    const ref = event !== null && event < 0 ? event : -eventCount
    server.delta += joins ? 1 : -1
    if (joins) server.entered ??= ref
    else server.left = ref
  }
  return [...byServer.values()]
}
