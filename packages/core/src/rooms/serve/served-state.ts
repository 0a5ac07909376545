import { notFound, type EventId, type RoomId, type ServerName } from '@hearth/protocol'
import { authEventIds, type RoomEvent } from '@hearth/rooms'
import { EMPTY_STATE_KEY, wellKnownTypes, type EventRow, type StateMap, type Store } from '@hearth/store'
import type { JsonItems } from '../../json-pieces.ts'
import type { Room } from '../room.ts'
import type { RoomEvents } from '../room-events.ts'
import { notInRoom, type ServerAccess } from './server-access.ts'
import { isServable } from './server-visibility.ts'

/** The events of a state and all that authorizes them, by nid. */
export interface StateWithAuth {
  readonly state: readonly number[]
  readonly authChain: readonly number[]
}

/** How many events of a long answer are read at a time. */
const eventsAtATime = 500
const idsAtATime = 10_000

interface ServedStateDeps {
  readonly store: Store
  readonly events: RoomEvents
  readonly access: ServerAccess
}

/**
 * Gives other servers the state of a room and the auth chains of events.
 * {@link https://spec.matrix.org/v1.19/server-server-api/#retrieving-events}
 */
export class ServedState {
  readonly #deps: ServedStateDeps

  constructor(deps: ServedStateDeps) {
    this.#deps = deps
  }

  /**
   * The state before an event, and its auth chain.
   *
   * @throws MatrixError M_FORBIDDEN for servers that are not in the room and were not at the event; M_NOT_FOUND for an event
   *   that the room has not, that was rejected, or at which the state is not known.
   */
  async at(origin: ServerName, roomId: RoomId, eventId: EventId): Promise<StateWithAuth> {
    const { room, row } = await this.#find(origin, roomId, eventId)
    const { states } = this.#deps.store
    if (row.stateNid === null) throw notFound('The state at this event is not known')
    if (row.stateKeyNid === null) return this.withAuth(room, await states.load(room.nid, row.stateNid))
    return this.withAuth(room, await states.loadBefore(room.nid, row.nid))
  }

  /**
   * All that authorizes an event, by nid.
   *
   * @throws MatrixError as {@link at}.
   */
  async authChainOf(origin: ServerName, roomId: RoomId, eventId: EventId): Promise<readonly number[]> {
    const { room, row } = await this.#find(origin, roomId, eventId)
    return this.authChain(room, [], this.#deps.events.parse(row))
  }

  /** A state of a room with its auth chain. */
  async withAuth(room: Room, state: StateMap): Promise<StateWithAuth> {
    const nids = state.nids()
    return { state: nids, authChain: await this.authChain(room, nids) }
  }

  /** All that authorizes events of a room, and one more event that may be of any kind: each after what authorizes it. */
  async authChain(room: Room, nids: readonly number[], further?: RoomEvent): Promise<number[]> {
    const { store } = this.#deps
    const named = further ? [...(await store.events.findNids(authEventIds(further.pdu))).values()] : []
    const graph = await store.authGraphs.load(room.nid, [...nids, ...named])
    // A message-like event is not in the graph, and may name events of other rooms.
    const ofRoom = named.filter((nid) => graph.has(nid))
    const chain = [...graph.authChain([...nids, ...ofRoom]), ...ofRoom]
    // Where the room's id stands for the create event, no event names it, and it authorizes all others all the same.
    const create = room.head.state.get(wellKnownTypes['m.room.create'], EMPTY_STATE_KEY)
    if (!room.version.createIsAuthEvent && create !== undefined) chain.unshift(create)
    return [...new Set(chain)]
  }

  /** The ids of events, as JSON strings. */
  async *ids(nids: readonly number[]): JsonItems {
    for (let start = 0; start < nids.length; start += idsAtATime) {
      const slice = nids.slice(start, start + idsAtATime)
      const ids = await this.#deps.store.events.findIds(slice)
      yield slice.flatMap((nid) => (ids.has(nid) ? [JSON.stringify(ids.get(nid))] : []))
    }
  }

  /** Events as JSON, read while they are sent. */
  async *events(nids: readonly number[]): JsonItems {
    for (let start = 0; start < nids.length; start += eventsAtATime) {
      const slice = nids.slice(start, start + eventsAtATime)
      const found = await this.#deps.store.events.findJson(slice)
      yield slice.flatMap((nid) => found.get(nid) ?? [])
    }
  }

  async #find(origin: ServerName, roomId: RoomId, eventId: EventId): Promise<{ room: Room; row: EventRow }> {
    const { store, access } = this.#deps
    const served = await access.enter(roomId, origin)
    const [row] = await store.events.findByIds([eventId])
    const isOfRoom = row?.roomNid === served.room.nid && isServable(row)
    if (!isOfRoom) {
      if (!served.isInRoom) throw notInRoom()
      throw notFound('Event not found in this room')
    }
    await access.requireAt(served, row)
    return { room: served.room, row }
  }
}
