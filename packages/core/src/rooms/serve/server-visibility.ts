import { serverOf, type ServerName } from '@hearth/protocol'
import { canonicalEventJson, redact, type RoomEvent } from '@hearth/rooms'
import { TimeSlice, type Clock } from '@hearth/runtime'
import {
  EMPTY_STATE_KEY,
  eventFlags,
  wellKnownTypes,
  type EventRow,
  type Membership,
  type StateMap,
  type Store,
} from '@hearth/store'
import type { ErasedUsers } from '../../accounts/erased-users.ts'
import { membershipOf } from '../membership-content.ts'
import type { Room } from '../room.ts'
import type { RoomEvents } from '../room-events.ts'

/** How the users of a server stand to a room at one state of it. */
interface Standing {
  readonly visibility: unknown
  /** Whether one of them is joined, and whether one is invited. */
  readonly joined: boolean
  readonly invited: boolean
}

interface ServerVisibilityDeps {
  readonly store: Store
  readonly events: RoomEvents
  readonly erasedUsers: ErasedUsers
  readonly clock: Clock
}

/** What a server may see of an event. */
export interface ServedEvent {
  readonly row: EventRow
  readonly event: RoomEvent
  /** Canonical JSON: all of it, or what redaction leaves where the server may not see more. */
  readonly json: string
}

/**
 * Decides what of a room's history a server may see: by the history visibility at each event's own state, judged by the
 * memberships that the server's users had there.
 * {@link https://spec.matrix.org/v1.19/client-server-api/#room-history-visibility}
 */
export class ServerVisibility {
  readonly #deps: ServerVisibilityDeps

  constructor(deps: ServerVisibilityDeps) {
    this.#deps = deps
  }

  /** A judge of one room's events for one server, to be used for one answer: it remembers what it looked up. */
  judge(room: Room, server: ServerName, standing: { readonly isInRoom: boolean }): ServerJudge {
    return new ServerJudge(this.#deps, room, server, standing.isInRoom)
  }
}

export class ServerJudge {
  readonly #deps: ServerVisibilityDeps
  readonly #room: Room
  readonly #server: ServerName
  readonly #isInRoom: boolean
  readonly #standings = new Map<number, Standing>()
  readonly #memberships = new Map<number, Membership | undefined>()
  /** The state keys under which users of the server are or were members. */
  #members: readonly number[] | undefined

  constructor(deps: ServerVisibilityDeps, room: Room, server: ServerName, isInRoom: boolean) {
    this.#deps = deps
    this.#room = room
    this.#server = server
    this.#isInRoom = isInRoom
  }

  /** The events, in the order given, each as far as the server may see it. */
  async serve(rows: readonly EventRow[]): Promise<ServedEvent[]> {
    const { events, erasedUsers } = this.#deps
    const visible = await this.visible(rows)
    const erased = await erasedUsers.all()
    return rows.map((row, index) => {
      const event = events.parse(row)
      if (visible[index] && !isErased(event, erased)) return { row, event, json: row.json }
      const { version } = this.#room
      return { row, event, json: canonicalEventJson(version, redact(version, event.pdu)) }
    })
  }

  /** For each of these events, whether the server may see it whole. */
  async visible(rows: readonly EventRow[]): Promise<boolean[]> {
    const { store, events } = this.#deps
    const changes = rows.filter((row) => isVisibilityChange(row) && row.stateNid !== null)
    const bases = await store.states.findBases(changes)
    const known = rows.flatMap(({ stateNid }) => stateNid ?? [])
    await this.#lookAt([...known, ...bases.values()])
    return rows.map((row) => {
      const { pdu } = events.parse(row)
      if (serverOf(pdu.sender) === this.#server || isMemberOf(pdu, this.#server)) return true
      // Of outliers nobody knows what the room was like; those of state authorize what is given out as a whole.
      if (row.stateNid === null) return this.#isInRoom && row.stateKeyNid !== null
      const base = bases.get(row.nid)
      return this.#allows(row.stateNid) || (base !== undefined && this.#allows(base))
    })
  }

  /** Whether a user of the server was joined just before or after an event. */
  async wasJoinedAt(row: EventRow): Promise<boolean> {
    if (row.stateNid === null) return false
    const bases = row.stateKeyNid === null ? new Map<number, number>() : await this.#deps.store.states.findBases([row])
    const stateNids = [row.stateNid, ...bases.values()]
    await this.#lookAt(stateNids, { members: true })
    return stateNids.some((nid) => this.#standings.get(nid)!.joined)
  }

  #allows(stateNid: number): boolean {
    const { visibility, joined, invited } = this.#standings.get(stateNid)!
    // To a server that is not in the room any more nothing is shared but what it was there for.
    if (!this.#isInRoom) return joined
    if (visibility === 'joined') return joined
    if (visibility === 'invited') return joined || invited
    return true
  }

  async #lookAt(stateNids: readonly number[], { members = false } = {}): Promise<void> {
    const missing = stateNids.filter((nid) => !this.#standings.has(nid))
    if (missing.length === 0) return
    const { store, events, clock } = this.#deps
    const states = [...(await store.states.loadAll(this.#room.nid, missing))]
    const visibilities = await events.findByNids(states.flatMap(([, state]) => visibilityNid(state) ?? []))
    const visibilityOf = (state: StateMap) =>
      visibilities.get(visibilityNid(state) ?? -1)?.pdu.content['history_visibility']
    const needsMembers = (state: StateMap) => members || !this.#isInRoom || isForMembers(visibilityOf(state))
    await this.#lookAtMembers(states.flatMap(([, state]) => (needsMembers(state) ? [state] : [])))
    const slice = new TimeSlice(clock)
    for (const [nid, state] of states) {
      if (slice.isOver) await slice.rest()
      this.#standings.set(nid, { visibility: visibilityOf(state), ...this.#standingIn(state) })
    }
  }

  /** Reads the memberships that the server's users have in these states. */
  async #lookAtMembers(states: readonly StateMap[]): Promise<void> {
    if (states.length === 0) return
    const { store, events, clock } = this.#deps
    this.#members ??= await store.currentState.listMembersOfServer(this.#room.nid, this.#server)
    const slice = new TimeSlice(clock)
    const unknown = new Set<number>()
    for (const state of states) {
      if (slice.isOver) await slice.rest()
      for (const nid of this.#memberNids(state)) if (!this.#memberships.has(nid)) unknown.add(nid)
    }
    const found = await events.findByNids([...unknown])
    for (const nid of unknown) this.#memberships.set(nid, membershipOf(found.get(nid)))
  }

  #standingIn(state: StateMap): { joined: boolean; invited: boolean } {
    let invited = false
    for (const nid of this.#memberNids(state)) {
      const membership = this.#memberships.get(nid)
      if (membership === 'join') return { joined: true, invited }
      if (membership === 'invite') invited = true
    }
    return { joined: false, invited }
  }

  *#memberNids(state: StateMap): IterableIterator<number> {
    for (const stateKeyNid of this.#members ?? []) {
      const nid = state.get(wellKnownTypes['m.room.member'], stateKeyNid)
      if (nid !== undefined) yield nid
    }
  }
}

/** Whether an event may be given out at all: a rejected one is kept only to be recognized. */
export function isServable({ flags }: EventRow): boolean {
  return (flags & eventFlags.rejected) === 0
}

function visibilityNid(state: StateMap): number | undefined {
  return state.get(wellKnownTypes['m.room.history_visibility'], EMPTY_STATE_KEY)
}

function isForMembers(visibility: unknown): boolean {
  return visibility === 'joined' || visibility === 'invited'
}

function isVisibilityChange({ typeNid, stateKeyNid }: EventRow): boolean {
  return typeNid === wellKnownTypes['m.room.history_visibility'] && stateKeyNid === EMPTY_STATE_KEY
}

function isMemberOf({ type, state_key: stateKey }: RoomEvent['pdu'], server: ServerName): boolean {
  return type === 'm.room.member' && stateKey?.includes(':') === true && serverOf(stateKey) === server
}

/** Of state, an erasure takes what the user showed of themselves: without the rest the room would be another one. */
function isErased({ pdu }: RoomEvent, erased: ReadonlySet<string>): boolean {
  if (!erased.has(pdu.sender)) return false
  return pdu.state_key === undefined || (pdu.type === 'm.room.member' && pdu.state_key === pdu.sender)
}
