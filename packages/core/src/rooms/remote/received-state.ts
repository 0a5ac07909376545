import { isUserId, serverOf, type EventId, type JsonObject, type ServerName, type UserId } from '@hearth/protocol'
import { authEventIds, createEventIdOf, type Pdu, type RoomEvent } from '@hearth/rooms'
import { TimeSlice, type Clock } from '@hearth/runtime'
import { StateMap, type AdoptedState, type Membership, type Store } from '@hearth/store'
import { membershipOf } from '../membership-content.ts'
import { inAuthOrderSliced } from '../receive/auth-order.ts'
import { checkFormat, type WellFormedPdu } from '../receive/check-format.ts'
import type { OutlierIntake, OutlierRoom, TakenOutlier } from '../receive/outlier-intake.ts'
import type { PduVerifier } from '../receive/pdu-verifier.ts'
import type { VerifiedEvent } from '../receive/verified-event.ts'
import { isRemoteFailure, UnusableAnswer } from './remote-refusal.ts'

/** Events that are verified, judged and stored at a time. */
const SLICE = 250
/** Slices whose signatures may be waited for at once: some need keys from servers that take their time. */
const MAX_VERIFYING = 20
/** Auth events that may be asked for one by one when the answer lacks them. */
const MAX_FETCHED = 500
const FETCHED_AT_ONCE = 10
const EMPTY = Buffer.alloc(0)

/** An event as long as it waits for its turn: parsed it would take five times as much. */
interface WaitingEvent {
  readonly eventId: EventId
  readonly auth: readonly EventId[]
  isState: boolean
  /** In UTF-8: a text that was put together from pieces would keep them all. */
  json: Buffer
}

/** A local user's membership in a state. */
export interface LocalMember {
  readonly userId: UserId
  readonly membership: Membership
  readonly entry: AdoptedState
}

/** The state of a room as far as its events are in order: all of them are stored. */
export interface StoredRoomState {
  readonly state: StateMap
  readonly entries: readonly AdoptedState[]
  /** How many users of each server are joined. */
  readonly servers: ReadonlyMap<ServerName, number>
  readonly localMembers: readonly LocalMember[]
  /** Events that are not part of it because they, or what should allow them, were not in order. */
  readonly dropped: number
}

export interface ReceivedStateDeps {
  readonly store: Store
  readonly verifier: PduVerifier
  readonly intake: OutlierIntake
  readonly serverName: ServerName
  readonly clock: Clock
  /** Asks the server that gave the state for one event more. */
  readonly fetch: (eventId: EventId) => Promise<JsonObject>
  /** Hears how many events have been stored of how many. */
  readonly onProgress: (stored: number, of: number) => Promise<void>
}

/**
 * The state of a room with its auth chain as another server gives it, event by event: each is checked by itself as it
 * comes, and against its auth events once all are there. Memory holds the JSON of each event once.
 */
export class ReceivedState {
  readonly #deps: ReceivedStateDeps
  readonly #room: OutlierRoom
  readonly #waiting = new Map<EventId, WaitingEvent>()
  readonly #taken = new Map<EventId, TakenOutlier>()
  readonly #verifying = new Set<Promise<void>>()
  readonly #entries = new Map<string, AdoptedState>()
  readonly #servers = new Map<ServerName, number>()
  readonly #localMembers: LocalMember[] = []
  #slice: GivenEvent[] = []
  #stateEvents = 0
  #hasCreate = false
  #failure: Error | undefined

  constructor(room: OutlierRoom, deps: ReceivedStateDeps) {
    this.#room = room
    this.#deps = deps
  }

  /** Takes an event; the next one may come when it resolves. What is no event of the room is dropped. */
  async add(list: 'state' | 'auth_chain', pdu: JsonObject): Promise<void> {
    const isState = list === 'state'
    if (isState) this.#stateEvents += 1
    const wellFormed = checkFormat(this.#room.version, pdu)
    if ('fault' in wellFormed || wellFormed.roomId !== this.#room.id) return
    this.#slice.push({ wellFormed, isState: isState && wellFormed.event.pdu.state_key !== undefined })
    if (this.#slice.length < SLICE) return
    this.#verifySlice()
    while (this.#verifying.size >= MAX_VERIFYING) await Promise.race(this.#verifying)
  }

  /**
   * Judges and stores what was added; to be called once.
   *
   * @throws UnusableAnswer where what was given cannot be a room's state.
   */
  async store(): Promise<StoredRoomState> {
    this.#verifySlice()
    await Promise.all(this.#verifying)
    if (this.#failure !== undefined) throw this.#failure
    const unjudged = await this.#takeAll([...this.#waiting.values()])
    if (unjudged.size > 0) await this.#takeWithMissing(unjudged)
    if (!this.#hasCreate) throw new UnusableAnswer('The state of the room has no create event')
    const entries = [...this.#entries.values()]
    return {
      state: StateMap.of(entries),
      entries,
      servers: this.#servers,
      localMembers: this.#localMembers,
      dropped: this.#stateEvents - this.#entries.size,
    }
  }

  /** What became of an event that was given, or asked for besides. */
  find(eventId: EventId): TakenOutlier | undefined {
    return this.#taken.get(eventId)
  }

  #verifySlice(): void {
    const slice = this.#slice
    this.#slice = []
    if (slice.length === 0) return
    const verifying: Promise<void> = this.#verify(slice)
      .catch((error: unknown) => void (this.#failure ??= error as Error))
      .finally(() => this.#verifying.delete(verifying))
    this.#verifying.add(verifying)
  }

  /** Checks signatures and hashes; what fails is dropped. */
  async #verify(slice: readonly GivenEvent[]): Promise<void> {
    const { version } = this.#room
    await Promise.all(
      slice.map(async ({ wellFormed, isState }) => {
        const verdict = await this.#deps.verifier.verifyWellFormed(version, wellFormed)
        if (!verdict.valid) return
        const { event, json } = verdict
        const known = this.#waiting.get(event.eventId)
        // Events may be in the state and in the auth chain.
        if (known !== undefined) known.isState ||= isState
        else
          this.#waiting.set(event.eventId, {
            eventId: event.eventId,
            auth: this.#authOf(event),
            isState,
            json: Buffer.from(json),
          })
      }),
    )
  }

  /** What must be judged before an event. */
  #authOf({ pdu }: RoomEvent): readonly EventId[] {
    const auth = authEventIds(pdu)
    const { version, id } = this.#room
    return version.createIsAuthEvent || pdu.type === 'm.room.create' ? auth : [createEventIdOf(id), ...auth]
  }

  /** Judges and stores events in slices; resolves to what each that could not be judged lacks. */
  async #takeAll(events: readonly WaitingEvent[]): Promise<Map<WaitingEvent, readonly EventId[]>> {
    const unjudged = new Map<WaitingEvent, readonly EventId[]>()
    const byId = new Map(events.map((event) => [event.eventId, event]))
    const ordered = await inAuthOrderSliced(byId, ({ auth }) => auth, new TimeSlice(this.#deps.clock))
    for (let start = 0; start < ordered.length; start += SLICE) {
      const slice = ordered.slice(start, start + SLICE)
      const verified = slice.map(({ eventId, json }): VerifiedEvent => {
        const text = json.toString()
        return { event: { eventId, pdu: JSON.parse(text) as Pdu }, json: text }
      })
      const outcome = await this.#deps.intake.take(this.#room, verified)
      const names = await this.#namesOf(verified)
      for (const [index, waiting] of slice.entries()) {
        const taken = outcome.stored.get(waiting.eventId)
        if (taken === undefined) unjudged.set(waiting, outcome.unjudged.get(waiting.eventId) ?? [])
        else {
          this.#taken.set(waiting.eventId, taken)
          if (waiting.isState && !taken.rejected) this.#addEntry(verified[index]!.event.pdu, taken.nid, names)
          waiting.json = EMPTY
        }
      }
      await this.#deps.onProgress(this.#taken.size, this.#waiting.size)
    }
    return unjudged
  }

  async #namesOf(events: readonly VerifiedEvent[]): Promise<Names> {
    const { eventTypes, stateKeys } = this.#deps.store
    const [types, keys] = await Promise.all([
      eventTypes.internAll(events.map(({ event }) => event.pdu.type)),
      stateKeys.internAll(events.flatMap(({ event }) => event.pdu.state_key ?? [])),
    ])
    return { types, keys }
  }

  #addEntry(pdu: Pdu, nid: number, { types, keys }: Names): void {
    const [typeNid, stateKeyNid] = [types.get(pdu.type)!, keys.get(pdu.state_key!)!]
    const key = `${typeNid} ${stateKeyNid}`
    if (this.#entries.has(key)) throw new UnusableAnswer('The state of the room has two events under one key')
    const membership = membershipOf({ pdu })
    const entry: AdoptedState = { typeNid, stateKeyNid, nid, ...(membership && { membership }) }
    this.#entries.set(key, entry)
    this.#hasCreate ||= pdu.type === 'm.room.create' && pdu.state_key === ''
    if (membership === undefined || !isUserId(pdu.state_key!)) return
    const server = serverOf(pdu.state_key)
    if (server === this.#deps.serverName) this.#localMembers.push({ userId: pdu.state_key, membership, entry })
    if (membership === 'join') this.#servers.set(server, (this.#servers.get(server) ?? 0) + 1)
  }

  /** Asks for auth events that were not given, a few times over, and judges what was waiting for them. */
  async #takeWithMissing(unjudged: Map<WaitingEvent, readonly EventId[]>): Promise<void> {
    const asked = new Set<EventId>()
    for (let waiting = unjudged; waiting.size > 0;) {
      const missing = new Set([...waiting.values()].flat())
      const wanted = [...missing].filter((eventId) => !asked.has(eventId)).slice(0, MAX_FETCHED - asked.size)
      if (wanted.length === 0) return
      for (let start = 0; start < wanted.length; start += FETCHED_AT_ONCE) {
        await Promise.all(wanted.slice(start, start + FETCHED_AT_ONCE).map((eventId) => this.#fetch(eventId)))
      }
      for (const eventId of wanted) asked.add(eventId)
      const fetched = wanted.flatMap((eventId) => this.#waiting.get(eventId) ?? [])
      if (fetched.length === 0) return
      waiting = await this.#takeAll([...fetched, ...waiting.keys()])
    }
  }

  async #fetch(eventId: EventId): Promise<void> {
    try {
      const wellFormed = checkFormat(this.#room.version, await this.#deps.fetch(eventId))
      if ('fault' in wellFormed || wellFormed.event.eventId !== eventId) return
      await this.#verify([{ wellFormed, isState: false }])
    } catch (error) {
      // What cannot be had is not part of the state, nor is what depends on it.
      if (!isRemoteFailure(error)) throw error
    }
  }
}

interface GivenEvent {
  readonly wellFormed: WellFormedPdu
  readonly isState: boolean
}

interface Names {
  readonly types: ReadonlyMap<string, number>
  readonly keys: ReadonlyMap<string, number>
}
