import type { JsonObject, RoomId, ServerName } from '@hearth/protocol'
import { wellKnownTypes, type Store } from '@hearth/store'
import { jsonPieces } from '../../json-pieces.ts'
import type { RoomSummaries } from '../../sync/room-summary.ts'
import type { ReceivedMembership, ReceivedMemberships } from './received-memberships.ts'
import type { ServedState } from './served-state.ts'

export interface JoinSubmission {
  readonly origin: ServerName
  readonly roomId: RoomId
  readonly eventId: string
  /** The join, as it came. */
  readonly pdu: JsonObject
  /** Whether the origin can do with an answer without the room's members. */
  readonly omitMembers: boolean
}

const memberNid = wellKnownTypes['m.room.member']

/**
 * Takes users of other servers into rooms, and tells their servers what the room is like.
 * {@link https://spec.matrix.org/v1.19/server-server-api/#put_matrixfederationv2send_joinroomideventid}
 */
export class ReceivedJoins {
  readonly #deps: {
    readonly store: Store
    readonly memberships: ReceivedMemberships
    readonly served: ServedState
    readonly summaries: RoomSummaries
    readonly serverName: ServerName
  }

  constructor(deps: {
    store: Store
    memberships: ReceivedMemberships
    served: ServedState
    summaries: RoomSummaries
    serverName: ServerName
  }) {
    this.#deps = deps
  }

  /**
   * Takes a join into its room, and gives the answer to it as JSON that is read while it is sent. Without members it holds
   * those alone that a nameless room is named after, and names the servers that were in the room before.
   *
   * @throws MatrixError as `ReceivedMemberships.take`.
   */
  async take({ omitMembers, ...submission }: JoinSubmission): Promise<AsyncGenerator<string>> {
    const { store, memberships } = this.#deps
    const join = await memberships.take({ ...submission, membership: 'join' })
    if (!omitMembers) return this.#answer(join, { members_omitted: false })
    const servers = await store.roomServers.listJoined(join.room.nid)
    const { joined } = (await this.#placeOf(join.room.nid, submission.origin)) ?? { joined: 0 }
    const before = servers.filter((server) => server !== submission.origin || joined > 1)
    return this.#answer(join, { members_omitted: true, servers_in_room: before })
  }

  async *#answer(join: ReceivedMembership, facts: JsonObject & { members_omitted: boolean }): AsyncGenerator<string> {
    const { served, serverName } = this.#deps
    const isShort = facts.members_omitted
    const state = isShort ? await this.#withoutMembers(join) : nidsOf(join)
    const authChain = await served.authChain(join.room, state, join.event)
    const shown = new Set(isShort ? state : [])
    yield `${JSON.stringify({ origin: serverName, ...facts }).slice(0, -1)},"event":${join.json},`
    yield* jsonPieces('"state":[', served.events(state), '],')
    const further = authChain.filter((nid) => !shown.has(nid))
    yield* jsonPieces('"auth_chain":[', served.events(further), ']}')
  }

  async #withoutMembers({ room, event, stateBefore }: ReceivedMembership): Promise<number[]> {
    const [summary] = await this.#deps.summaries.ofRooms([room], event.pdu.sender)
    const heroes = (summary?.heroes ?? []).flatMap(({ stateKeyNid }) => stateBefore.get(memberNid, stateKeyNid) ?? [])
    const others = Array.from(stateBefore.entries()).filter(({ typeNid }) => typeNid !== memberNid)
    return [...others.map(({ nid }) => nid), ...heroes]
  }

  async #placeOf(roomNid: number, server: ServerName) {
    const serverNid = await this.#deps.store.servers.find(server)
    return serverNid === undefined ? undefined : this.#deps.store.roomServers.find(roomNid, serverNid)
  }
}

function nidsOf({ stateBefore }: ReceivedMembership): readonly number[] {
  return stateBefore.nids()
}
