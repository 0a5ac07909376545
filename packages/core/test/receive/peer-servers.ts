import { generateSigningKey, VerifyKey, type SigningKey } from '@hearth/crypto'
import { RemoteError } from '@hearth/federation-client'
import type { EventId, JsonObject, ServerName } from '@hearth/protocol'
import { authEventIds, prevEventIds, type RoomEvent, type StateMap } from '@hearth/rooms'
import type { GapSource, VerifyKeys } from '../../src/index.ts'

/** A room's events as other servers have them. */
export interface RoomOfPeers {
  readonly events: ReadonlyMap<EventId, RoomEvent>
  stateBefore(eventId: EventId): StateMap
}

/** The keys of servers, made when they are first needed. */
export class PeerKeys implements VerifyKeys {
  readonly #keys = new Map<string, SigningKey>()

  readonly keyOf = (serverName: string): SigningKey => {
    let key = this.#keys.get(serverName)
    if (key === undefined) this.#keys.set(serverName, (key = generateSigningKey('1')))
    return key
  }

  find(server: ServerName): Promise<ReadonlyMap<string, VerifyKey>> {
    const { keyId, publicKey } = this.keyOf(server)
    return Promise.resolve(new Map([[keyId, VerifyKey.import(publicKey)!]]))
  }
}

/** Servers that answer what they are asked about a room as the specification wants it. They may withhold events. */
export class PeerServers implements GapSource {
  readonly withheld = new Set<EventId>()
  /** The operations that were asked for, in their order. */
  readonly asked: string[] = []
  readonly #room: RoomOfPeers

  constructor(room: RoomOfPeers) {
    this.#room = room
  }

  getMissingEvents(
    ...[server, , { earliestEvents, latestEvents, limit }]: Parameters<GapSource['getMissingEvents']>
  ): Promise<JsonObject[]> {
    this.asked.push('getMissingEvents')
    const seen = new Set<EventId>([...earliestEvents, ...latestEvents])
    const found: RoomEvent[] = []
    for (let level: readonly EventId[] = latestEvents; level.length > 0 && found.length < limit;) {
      const before = level.flatMap((id) => prevEventIds(this.#get(server, id).pdu)).filter((id) => !seen.has(id))
      level = [...new Set(before)].filter((id) => !this.withheld.has(id))
      for (const id of level) {
        seen.add(id)
        if (found.length < limit) found.push(this.#get(server, id))
      }
    }
    return Promise.resolve(found.toReversed().map(({ pdu }) => pdu))
  }

  getStateIds(...[server, , eventId]: Parameters<GapSource['getStateIds']>) {
    this.asked.push('getStateIds')
    const { state, chain } = this.#stateOf(server, eventId)
    return Promise.resolve({ pdu_ids: state, auth_chain_ids: chain })
  }

  async getState(...[server, , eventId, { onPdu } = {}]: Parameters<GapSource['getState']>) {
    this.asked.push('getState')
    const { state, chain } = this.#stateOf(server, eventId)
    for (const id of state) await onPdu?.('pdus', this.#get(server, id).pdu)
    for (const id of chain) await onPdu?.('auth_chain', this.#get(server, id).pdu)
    return { pdus: [], auth_chain: [] }
  }

  getEventAuth(...[server, , eventId]: Parameters<GapSource['getEventAuth']>) {
    this.asked.push('getEventAuth')
    return Promise.resolve(this.#chainOf(server, [eventId]).map((id) => this.#get(server, id).pdu))
  }

  async getEvent(...[server, eventId]: Parameters<GapSource['getEvent']>) {
    this.asked.push('getEvent')
    return Promise.resolve().then(() => this.#get(server, eventId).pdu)
  }

  #stateOf(server: ServerName, eventId: EventId): { state: EventId[]; chain: EventId[] } {
    this.#get(server, eventId)
    const state = [...this.#room.stateBefore(eventId).values()]
    return { state, chain: this.#chainOf(server, state) }
  }

  #chainOf(server: ServerName, eventIds: readonly EventId[]): EventId[] {
    const chain = new Set<EventId>()
    const waiting = [...eventIds]
    for (let id = waiting.pop(); id !== undefined; id = waiting.pop()) {
      for (const authId of authEventIds(this.#get(server, id).pdu)) {
        if (chain.has(authId)) continue
        chain.add(authId)
        waiting.push(authId)
      }
    }
    return [...chain]
  }

  #get(destination: ServerName, eventId: EventId): RoomEvent {
    const event = this.withheld.has(eventId) ? undefined : this.#room.events.get(eventId)
    if (event) return event
    throw new RemoteError({ destination, status: 404, errcode: 'M_NOT_FOUND', message: 'Unknown event' })
  }
}
