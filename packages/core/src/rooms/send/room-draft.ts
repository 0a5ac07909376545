import { badJson, forbidden, MatrixError, type JsonObject, type UserId } from '@hearth/protocol'
import {
  authorize,
  authTypesFor,
  buildEvent,
  checkEventSize,
  checkFieldSizes,
  referenceTo,
  stateTupleKey,
  type BuiltEvent,
  type EventDraft,
  type RoomEvent,
} from '@hearth/rooms'
import { CanonicalJsonError, type SigningKey } from '@hearth/crypto'
import type { ClientTransaction, RoomCommit } from '@hearth/store'
import { membershipOf } from '../membership-content.ts'
import type { Room } from '../room.ts'
import type { RoomEvents, RowOptions } from '../room-events.ts'
import type { Proposal } from './proposal.ts'
import { isSameTransaction } from './transaction-scope.ts'

/** The limit of the event format; more forward extremities than this wait for a later event. */
const maxPrevEvents = 20

/** A proposal that has become an event, not yet committed. */
export interface DraftedEvent {
  readonly event: RoomEvent
  readonly json: string
  readonly options: RowOptions
  /** For a state event: the event whose place it takes. */
  readonly replaced: RoomEvent | undefined
  /** For a redaction: the event that it redacts, as it will be. */
  readonly redacted: { readonly nid: number; readonly event: RoomEvent } | undefined
}

export interface RoomDraftDeps {
  readonly events: RoomEvents
  readonly serverName: string
  readonly signingKey: SigningKey
  readonly now: () => number
}

/** A state event, and how a commit refers to it. */
interface Referenced {
  readonly event: RoomEvent
  readonly reference: number
}

/** How far a draft had come, to go back to when a group of events is refused. */
export interface Savepoint {
  readonly length: number
}

/**
 * A room with events on top of its head that are built and authorized but not committed. A commit takes the whole chain;
 * inside it events are referred to by negative numbers: -1 is the first.
 */
export class RoomDraft {
  readonly room: Room
  readonly drafted: DraftedEvent[] = []
  /** How many of the room's forward extremities the first drafted event takes as its previous events. */
  readonly prevEventCount: number
  readonly #deps: RoomDraftDeps
  /** The indexes in `drafted` that hold a key of the state, newest last. */
  readonly #overlay = new Map<string, number[]>()
  /** Users who are in nobody's state, so that the room's need not be asked for them. */
  #unheardOf: ReadonlySet<string> = new Set()

  constructor(room: Room, deps: RoomDraftDeps) {
    this.room = room
    this.prevEventCount = Math.min(room.head.extremities.length, maxPrevEvents)
    this.#deps = deps
  }

  /** Brings the memberships that are going to be looked at into memory, all at once. */
  async prepareMembers(userIds: readonly UserId[]): Promise<void> {
    this.#unheardOf = await this.#deps.events.prepareMembers(this.room.head.state, [...new Set(userIds)])
  }

  /** The state event with this key, drafted ones included. */
  async find(type: string, stateKey: string): Promise<RoomEvent | undefined> {
    return (await this.#findWithReference(type, stateKey))?.event
  }

  /** Whether a drafted event answers this request. */
  hasTransaction(transaction: ClientTransaction): boolean {
    return this.drafted.some(({ options }) => isSameTransaction(options.transaction, transaction))
  }

  savepoint(): Savepoint {
    return { length: this.drafted.length }
  }

  /** Forgets what was appended since the savepoint. */
  rollback({ length }: Savepoint): void {
    for (const { event } of this.drafted.splice(length)) {
      if (event.pdu.state_key !== undefined)
        this.#overlay.get(stateTupleKey(event.pdu.type, event.pdu.state_key))?.pop()
    }
  }

  /**
   * Builds, authorizes and appends an event.
   *
   * @throws MatrixError M_FORBIDDEN where the room's rules refuse it, M_TOO_LARGE where it is too large.
   */
  async append(proposal: Proposal): Promise<DraftedEvent> {
    const { room } = this
    const state = new Map<string, Referenced>()
    for (const [type, stateKey] of authTypesFor(room.version, shapeOf(proposal))) {
      const found = this.#peekWithReference(type, stateKey) ?? (await this.#findWithReference(type, stateKey))
      if (found) state.set(stateTupleKey(type, stateKey), found)
    }
    const { event, json } = this.build(
      proposal,
      [...state.values()].map(({ event }) => event),
    )
    const { type, stateKey } = proposal
    const create = type === 'm.room.create' ? undefined : await this.#create()
    const verdict = authorize(room.version, event, stateForAuthorization(create, state))
    if (!verdict.allowed) throw forbidden(verdict.reason)

    const replaced = stateKey === undefined ? undefined : await this.#findWithReference(type, stateKey)
    const redaction = proposal.redacts && (await this.#deps.events.redactionOf(room, proposal.redacts))
    const options: RowOptions = {
      auth: proposal.stateKey === undefined ? [] : [...state.values()].map(({ reference }) => reference),
      transaction: proposal.transaction,
      previousMembership: membershipOf(replaced?.event),
      replaces: replaced?.reference,
      redaction,
      outgoing: true,
    }
    const drafted: DraftedEvent = { event, json, options, replaced: replaced?.event, redacted: redaction }
    this.drafted.push(drafted)
    if (proposal.stateKey !== undefined)
      this.#overlayStack(proposal.type, proposal.stateKey).push(this.drafted.length - 1)
    return drafted
  }

  /** Builds the event that a proposal would be now: hashed, signed, neither authorized nor appended. */
  build(proposal: Proposal, authEvents: readonly RoomEvent[]): { event: RoomEvent; json: string } {
    const { room } = this
    const fault = checkFieldSizes({
      type: proposal.type,
      ...(proposal.stateKey !== undefined && { state_key: proposal.stateKey }),
    })
    if (fault !== undefined) throw tooLarge(fault)
    const idFromCreate = room.version.roomIds === 'create-event' && proposal.type === 'm.room.create'
    const draft: EventDraft = {
      ...(!idFromCreate && { room_id: room.id }),
      type: proposal.type,
      sender: proposal.sender,
      ...(proposal.stateKey !== undefined && { state_key: proposal.stateKey }),
      content: this.#contentOf(proposal),
      ...(proposal.redacts !== undefined && room.version.redactsIn === 'event' && { redacts: proposal.redacts }),
      depth: Math.min(room.head.depth + this.drafted.length + 1, Number.MAX_SAFE_INTEGER),
      origin_server_ts: proposal.originServerTs ?? this.#deps.now(),
      prev_events: this.#prevEvents().map((prevEvent) => referenceTo(room.version, prevEvent)),
      auth_events: authEvents.map((authEvent) => referenceTo(room.version, authEvent)),
    }
    const { eventId, pdu, json } = this.#sign(draft)
    return { event: { eventId, pdu }, json }
  }

  #sign(draft: EventDraft): BuiltEvent {
    try {
      const built = buildEvent(this.room.version, draft, this.#deps)
      const fault = checkEventSize(built.json)
      if (fault !== undefined) throw tooLarge(fault)
      return built
    } catch (error) {
      // What a user put into an event that no server could agree on the bytes of.
      if (error instanceof CanonicalJsonError) throw badJson(error.message)
      throw error
    }
  }

  /** What the store commits. Only now names get numbers: what is refused leaves none behind. */
  async toCommit(): Promise<RoomCommit> {
    const { room, drafted } = this
    return {
      roomNid: room.nid,
      expectedPos: room.head.lastPos,
      stateNid: room.head.stateNid,
      ...(room.head.lastPos === 0 && { newRoom: { roomId: room.id, version: room.version.id } }),
      events: await this.#deps.events.rowsOf(drafted),
      extremities: [-drafted.length, ...room.head.extremities.slice(this.prevEventCount).map(({ nid }) => nid)],
    }
  }

  #prevEvents(): RoomEvent[] {
    const last = this.drafted.at(-1)
    return last ? [last.event] : this.room.head.extremities.slice(0, this.prevEventCount).map(({ event }) => event)
  }

  #contentOf(proposal: Proposal): JsonObject {
    const inContent = proposal.redacts !== undefined && this.room.version.redactsIn === 'content'
    return inContent ? { ...proposal.content, redacts: proposal.redacts } : proposal.content
  }

  /** The state event with this key, drafted ones included, if it is in memory: as a rule all that a message takes are. */
  #peekWithReference(type: string, stateKey: string): Referenced | undefined {
    const index = this.#overlay.get(stateTupleKey(type, stateKey))?.at(-1)
    if (index !== undefined) return { event: this.drafted[index]!.event, reference: -(index + 1) }
    return this.#deps.events.peekState(this.room.head.state, type, stateKey)
  }

  async #findWithReference(type: string, stateKey: string): Promise<Referenced | undefined> {
    const inMemory = this.#peekWithReference(type, stateKey)
    if (inMemory || this.#unheardOf.has(stateKey)) return inMemory
    return this.#deps.events.findStateWithNid(this.room.head.state, type, stateKey)
  }

  #create(): RoomEvent | undefined | Promise<RoomEvent | undefined> {
    return this.#peekWithReference('m.room.create', '')?.event ?? this.find('m.room.create', '')
  }

  #overlayStack(type: string, stateKey: string): number[] {
    const key = stateTupleKey(type, stateKey)
    let stack = this.#overlay.get(key)
    if (!stack) this.#overlay.set(key, (stack = []))
    return stack
  }
}

function shapeOf({ type, sender, stateKey, content }: Proposal): {
  type: string
  sender: UserId
  state_key?: string
  content: JsonObject
} {
  return { type, sender, ...(stateKey !== undefined && { state_key: stateKey }), content }
}

/** The rules look at nothing but the auth events' keys and, for some of them, at the create event. */
function stateForAuthorization(create: RoomEvent | undefined, state: ReadonlyMap<string, Referenced>) {
  return (type: string, stateKey: string): RoomEvent | undefined =>
    type === 'm.room.create' && stateKey === '' ? create : state.get(stateTupleKey(type, stateKey))?.event
}

function tooLarge(fault: string): MatrixError {
  return new MatrixError('M_TOO_LARGE', fault)
}
