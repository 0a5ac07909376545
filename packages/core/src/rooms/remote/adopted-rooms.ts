import { MatrixError, type ServerName } from '@hearth/protocol'
import {
  authEventIds,
  authorize,
  authTypesFor,
  checkAuthEventsOf,
  prevEventIds,
  stateTupleKey,
  type RoomEvent,
  type StateLookup,
  type StateTuple,
} from '@hearth/rooms'
import { CommitUnknown, type AdoptedServer, type CurrentStateChange, type NewEvent, type Store } from '@hearth/store'
import type { StreamFeed } from '../../sync/stream-feed.ts'
import { membershipOf } from '../membership-content.ts'
import type { OutlierRoom } from '../receive/outlier-intake.ts'
import type { VerifiedEvent } from '../receive/verified-event.ts'
import type { RoomEvents } from '../room-events.ts'
import type { RoomInbox, RoomMailboxes } from '../room-mailboxes.ts'
import type { RoomRegistry } from '../room-registry.ts'
import type { ReceivedState, StoredRoomState } from './received-state.ts'
import { UnusableAnswer } from './remote-refusal.ts'

export interface AdoptedRoomsDeps {
  readonly store: Store
  readonly events: RoomEvents
  readonly rooms: RoomRegistry
  readonly feed: StreamFeed
  readonly mailboxes: RoomMailboxes
  readonly serverName: ServerName
}

/**
 * Makes a room elsewhere one of this server's: the state before a local user's join, and the join on it, become the room's
 * head. What this server knew of the room before, from an earlier stay, is history with a gap.
 */
export class AdoptedRooms {
  readonly #deps: AdoptedRoomsDeps
  readonly #inbox: RoomInbox<() => Promise<void>>

  constructor(deps: AdoptedRoomsDeps) {
    this.#deps = deps
    this.#inbox = deps.mailboxes.register(async (_, adoptions) => {
      for (const adopt of adoptions) await adopt()
      return []
    })
  }

  /**
   * Commits the join; the user's next sync has it when this resolves.
   *
   * @throws UnusableAnswer where the room's rules do not let the user in, in the state that was given.
   * @throws RoomEntered when another user of this server has come into the room meanwhile.
   */
  adopt(room: OutlierRoom, join: VerifiedEvent, received: ReceivedState, state: StoredRoomState): Promise<void> {
    return new Promise((resolve, reject) => {
      const posted = this.#inbox.post(room.nid, () => this.#adopt(room, join, received, state).then(resolve, reject))
      if (!posted)
        reject(new MatrixError('M_LIMIT_EXCEEDED', 'The room is busy', { fields: { retry_after_ms: 1_000 } }))
    })
  }

  async #adopt(room: OutlierRoom, join: VerifiedEvent, received: ReceivedState, state: StoredRoomState): Promise<void> {
    const { store, events, rooms, feed } = this.#deps
    const auth = this.#authOf(join.event, received)
    await this.#authorize(room, join.event, state, auth)
    const replaced = await events.findStateWithNid(state.state, 'm.room.member', join.event.pdu.sender)
    const ownServerNid = await store.servers.intern(this.#deps.serverName)
    await store.roomAdoption.prepare(room.nid, {
      state: state.entries,
      servers: await this.#serversOf(state),
      ownServerNid,
    })
    await store.backwardExtremities.insert(
      room.nid,
      prevEventIds(join.event.pdu).map((missing) => ({ missing, child: join.event.eventId })),
    )
    const [head, mergedNid, known] = await Promise.all([
      store.roomHeads.find(room.nid),
      store.states.reserveId(),
      store.events.findByIds([join.event.eventId]),
    ])
    const row = await events.rowOf(join.event, join.json, {
      auth,
      previousMembership: membershipOf(replaced?.event),
      replaces: replaced?.reference,
    })
    const event: NewEvent = { ...row, stateBefore: mergedNid, ...(known[0] && { nid: known[0].nid, isLate: true }) }
    const others = await this.#localChanges(room.nid, state, join.event.pdu.sender, ownServerNid)
    const outcome = await store.persister
      .commit({
        roomNid: room.nid,
        expectedPos: head?.lastPos ?? 0,
        stateNid: mergedNid,
        merges: [
          {
            stateNid: mergedNid,
            base: 0,
            changes: state.entries.map(({ typeNid, stateKeyNid, nid }) => ({ typeNid, stateKeyNid, event: nid })),
          },
        ],
        events: [event],
        extremities: [-1],
        resolvedHead: { state: -1, changes: [...others, ownChange(event)] },
      })
      .catch((error: unknown) => {
        if (error instanceof CommitUnknown) feed.doubt()
        throw error
      })
    if (outcome.kind !== 'committed') throw new Error(`the head of room ${room.nid} moved while it was being joined`)
    const { firstPos: pos, stateNid } = outcome
    rooms.forget(room.nid)
    const nid = event.nid ?? pos
    feed.publish({
      firstPos: pos,
      count: 1,
      changes: [
        {
          kind: 'event',
          pos,
          nid,
          roomNid: room.nid,
          roomId: room.id,
          event: join.event,
          stateNid,
          stateBeforeNid: mergedNid,
          replaced: replaced?.event,
          membership: {
            userNid: event.membership!.userNid,
            membership: 'join',
            previous: membershipOf(replaced?.event),
            local: true,
          },
        },
      ],
    })
    await feed.reached(pos)
  }

  #authOf({ pdu }: RoomEvent, received: ReceivedState): number[] {
    return authEventIds(pdu).map((eventId) => {
      const taken = received.find(eventId)
      if (taken === undefined || taken.rejected) throw new UnusableAnswer('The join names events that are not in order')
      return taken.nid
    })
  }

  /** Whether the rules let the user in: by the event's own auth events, and in the state before it. */
  async #authorize(
    { version }: OutlierRoom,
    event: RoomEvent,
    { state }: StoredRoomState,
    auth: readonly number[],
  ): Promise<void> {
    const { events } = this.#deps
    const tuples: StateTuple[] = [['m.room.create', ''], ...authTypesFor(version, event.pdu)]
    const before = await Promise.all(tuples.map(([type, stateKey]) => events.findState(state, type, stateKey)))
    const inState = byTuple(before.flatMap((found) => found ?? []))
    const named = [...(await events.findByNids(auth)).values()]
    const create = inState.get(stateTupleKey('m.room.create', ''))
    for (const verdict of [
      checkAuthEventsOf(version, event, named),
      authorize(version, event, lookIn(byTuple(create === undefined ? named : [create, ...named]))),
      authorize(version, event, lookIn(inState)),
    ]) {
      if (!verdict.allowed) throw new UnusableAnswer(`The rules of the room do not allow the join: ${verdict.reason}`)
    }
  }

  /** The servers in the room but this one, which the commit counts. */
  async #serversOf({ servers }: StoredRoomState): Promise<AdoptedServer[]> {
    const others = [...servers].filter(([server]) => server !== this.#deps.serverName)
    const nids = await this.#deps.store.servers.internAll(others.map(([server]) => server))
    return others.map(([server, joined]) => ({ serverNid: nids.get(server)!, joined }))
  }

  /** The other local users of whom the state says something new: what is known of their memberships follows it. */
  async #localChanges(
    roomNid: number,
    { localMembers }: StoredRoomState,
    userId: string,
    ownServerNid: number,
  ): Promise<CurrentStateChange[]> {
    const { users, localMemberships } = this.#deps.store
    const others = localMembers.filter((member) => member.userId !== userId)
    const userNids = await users.internAll(others.map((member) => member.userId))
    const known = new Map((await localMemberships.listByRooms([roomNid])).map((row) => [row.userNid, row.nid]))
    return others.flatMap(({ userId: other, membership, entry: { typeNid, stateKeyNid, nid } }) => {
      const userNid = userNids.get(other)!
      if (membership !== 'join' && known.get(userNid) === nid) return []
      // This server is not counted yet.
      const change = { userNid, serverNid: ownServerNid, local: true, membership, previous: null }
      return [{ typeNid, stateKeyNid, event: nid, membership: change }]
    })
  }
}

/** How the join, the only event of its commit, changes the current state. */
function ownChange({ typeNid, stateKeyNid, membership }: NewEvent): CurrentStateChange {
  // Before it, nobody of this server is counted.
  return { typeNid, stateKeyNid: stateKeyNid!, event: -1, membership: { ...membership!, previous: null } }
}

function byTuple(events: readonly RoomEvent[]): ReadonlyMap<string, RoomEvent> {
  return new Map(events.map((event) => [stateTupleKey(event.pdu.type, event.pdu.state_key ?? ''), event]))
}

function lookIn(events: ReadonlyMap<string, RoomEvent>): StateLookup {
  return (type, stateKey) => events.get(stateTupleKey(type, stateKey))
}
