import { notFound, type JsonObject } from '@hearth/protocol'
import { TimeSlice, type Clock } from '@hearth/runtime'
import { StateMap, type Membership, type Store } from '@hearth/store'
import type { ClientEvent, ViewerContext } from '../events/client-event.ts'
import type { EventSerializer } from '../events/event-serializer.ts'
import type { JsonItems } from '../json-pieces.ts'
import type { Requester } from '../requester.ts'
import { membershipOf } from './membership-content.ts'
import { parseToken } from './position-token.ts'
import type { Room } from './room.ts'
import type { RoomAccess } from './room-access.ts'
import type { RoomEvents } from './room-events.ts'

export interface MembersRequest {
  /** A token: the members at that point. */
  readonly at?: string | undefined
  readonly membership?: string | undefined
  readonly notMembership?: string | undefined
}

/** How many events of a long answer are read at a time. */
const eventsAtATime = 500

/** Reading a room's state, as far as the reader may. */
export class RoomState {
  readonly #deps: {
    readonly store: Store
    readonly events: RoomEvents
    readonly access: RoomAccess
    readonly serializer: EventSerializer
    readonly clock: Clock
  }

  constructor(deps: {
    store: Store
    events: RoomEvents
    access: RoomAccess
    serializer: EventSerializer
    clock: Clock
  }) {
    this.#deps = deps
  }

  /** All state events as JSON, read while it is sent. @throws MatrixError M_FORBIDDEN for those who may not read the room. */
  async list(requester: Requester, room: Room): Promise<JsonItems> {
    const { state } = await this.#deps.access.forReading(room, requester.userId)
    return this.#inSlices(room, state.nids(), todaysJson, () => true)
  }

  /**
   * One state event.
   *
   * @throws MatrixError M_FORBIDDEN for those who may not read the room, M_NOT_FOUND where nothing is set.
   */
  async get(requester: Requester, room: Room, type: string, stateKey: string): Promise<JsonObject> {
    const { state } = await this.#deps.access.forReading(room, requester.userId)
    const nid = await this.#deps.events.findStateNid(state, type, stateKey)
    const [event] = nid === undefined ? [] : await this.#events(room, [nid])
    if (!event) throw notFound('Nothing is set under this type and state key')
    return event
  }

  /**
   * The member events as JSON, read while they are sent.
   *
   * @throws MatrixError M_FORBIDDEN for those who may not read the room.
   */
  async members(
    requester: Requester,
    room: Room,
    request: MembersRequest,
    render: (event: ClientEvent, viewer: ViewerContext) => string = todaysJson,
  ): Promise<JsonItems> {
    const access = await this.#deps.access.forReading(room, requester.userId)
    const state =
      request.at === undefined ? access.state : await this.#stateAt(room, parseToken(request.at), access.upTo)
    const memberNid = await this.#deps.store.eventTypes.intern('m.room.member')
    const nids = state.nidsOfType(memberNid)
    return this.#inSlices(room, nids, render, ({ source }) => matches(membershipOf(source), request))
  }

  /**
   * The joined users with what they are called in the room: the properties of an object as JSON, read while they are sent.
   *
   * @throws MatrixError M_FORBIDDEN for those who are not joined.
   */
  async joinedMembers(requester: Requester, room: Room): Promise<JsonItems> {
    await this.#deps.access.requireJoined(room, requester.userId)
    return this.#namesOf(await this.#deps.store.currentState.listMemberNids(room.nid, 'join'))
  }

  async *#namesOf(nids: readonly number[]): JsonItems {
    const slice = new TimeSlice(this.#deps.clock)
    for (let start = 0; start < nids.length; start += eventsAtATime) {
      const found = await this.#deps.events.findByNids(nids.slice(start, start + eventsAtATime))
      yield [...found.values()].map(({ pdu }) => {
        const { displayname, avatar_url: avatarUrl } = pdu.content
        const names = {
          // Clients look for the keys whether or not there is anything to say.
          display_name: typeof displayname === 'string' ? displayname : null,
          avatar_url: typeof avatarUrl === 'string' ? avatarUrl : null,
        }
        return `${JSON.stringify(pdu.state_key)}:${JSON.stringify(names)}`
      })
      await slice.rest()
    }
  }

  async *#inSlices(
    room: Room,
    nids: readonly number[],
    render: (event: ClientEvent, viewer: ViewerContext) => string,
    isWanted: (event: ClientEvent) => boolean,
  ): JsonItems {
    const { serializer, clock } = this.#deps
    const viewer = { now: serializer.now() }
    const slice = new TimeSlice(clock)
    for (let start = 0; start < nids.length; start += eventsAtATime) {
      const items: string[] = []
      for (const event of await serializer.serializeNids(room, nids.slice(start, start + eventsAtATime))) {
        if (slice.isOver) await slice.rest()
        if (isWanted(event)) items.push(render(event, viewer))
      }
      yield items
      // What is in memory is given without waiting for anybody: others would wait for the whole of it.
      await slice.rest()
    }
  }

  async #stateAt(room: Room, position: number, upTo: number) {
    const [row] = await this.#deps.store.events.listRoomEvents(room.nid, {
      after: Number.MIN_SAFE_INTEGER,
      upTo: Math.min(position, upTo),
      direction: 'b',
      limit: 1,
    })
    return row ? this.#deps.store.states.load(room.nid, row.currentStateNid ?? row.stateNid!) : StateMap.empty
  }

  async #events(room: Room, nids: readonly number[]): Promise<JsonObject[]> {
    const now = this.#deps.serializer.now()
    return (await this.#deps.serializer.serializeNids(room, nids)).map((event) => event.toObject({ now }))
  }
}

function matches(membership: Membership | undefined, { membership: wanted, notMembership }: MembersRequest): boolean {
  return (
    (wanted === undefined || membership === wanted) && (notMembership === undefined || membership !== notMembership)
  )
}

function todaysJson(event: ClientEvent, viewer: ViewerContext): string {
  return event.json(viewer)
}
