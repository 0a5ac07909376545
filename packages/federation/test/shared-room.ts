import type { JsonObject, RoomId } from '@hearth/protocol'
import {
  authTypesFor,
  buildEvent,
  eventId,
  findRoomVersion,
  referenceTo,
  stateTupleKey,
  type BuiltEvent,
  type EventDraft,
  type EventReference,
  type RoomVersion,
} from '@hearth/rooms'
import type { FakePeer, TestAnswer, TestClient, TestServer } from '@hearth/test-kit'

export const here = 'hearth.test'
let transactions = 0

/** A server under test, as a peer sees it. */
export function askable(server: TestServer): { readonly url: string; readonly name: string } {
  return { url: server.url, name: here }
}

/** Sends a transaction as a peer. */
export function sendTransaction(
  peer: FakePeer,
  server: TestServer,
  {
    pdus = [],
    edus,
    txnId = `t${transactions++}`,
  }: { pdus?: readonly unknown[]; edus?: readonly unknown[]; txnId?: string },
): Promise<TestAnswer> {
  const body = { origin: peer.name, origin_server_ts: Date.now(), pdus, ...(edus && { edus }) } as unknown as JsonObject
  return peer.ask(askable(server), 'PUT', `/_matrix/federation/v1/send/${encodeURIComponent(txnId)}`, body)
}

/** A room on a server under test that a user of a peer has joined, from where the peer sends on. */
export class SharedRoom {
  readonly id: RoomId
  readonly peer: FakePeer
  readonly server: TestServer
  readonly version: RoomVersion
  readonly userId: string
  readonly #state = new Map<string, EventReference>()
  #tip: { event: BuiltEvent; depth: number }

  private constructor(deps: {
    id: RoomId
    peer: FakePeer
    server: TestServer
    version: RoomVersion
    userId: string
    join: BuiltEvent
  }) {
    this.id = deps.id
    this.peer = deps.peer
    this.server = deps.server
    this.version = deps.version
    this.userId = deps.userId
    this.#tip = { event: deps.join, depth: deps.join.pdu.depth }
  }

  /** Has a client create a public room, and a user of a peer join it. */
  static async create(
    owner: TestClient,
    server: TestServer,
    peer: FakePeer,
    { roomVersion = '11', localpart = 'mallory' } = {},
  ): Promise<SharedRoom> {
    const { room_id: id } = await owner.post('createRoom', { preset: 'public_chat', room_version: roomVersion })
    return SharedRoom.join(id as RoomId, server, peer, localpart)
  }

  /** Has a user of a peer join a public room. */
  static async join(id: RoomId, server: TestServer, peer: FakePeer, localpart = 'mallory'): Promise<SharedRoom> {
    const userId = `@${localpart}:${peer.name}`
    const versions = Array.from({ length: 12 }, (_, i) => `ver=${i + 1}`).join('&')
    const path = `/_matrix/federation/v1/make_join/${encodeURIComponent(id)}/${encodeURIComponent(userId)}?${versions}`
    const template = await peer.ask(askable(server), 'GET', path)
    if (template.status !== 200) throw new Error(`make_join: ${template.status} ${template.text}`)
    const version = findRoomVersion(template.body['room_version'] as string)!
    const join = buildEvent(version, template.body['event'] as unknown as EventDraft, {
      serverName: peer.name,
      signingKey: peer.signingKey,
    })
    const room = new SharedRoom({ id, peer, server, version, userId, join })
    const answer = await room.sendPdus(join.pdu)
    if (answer.status !== 200 || Object.hasOwn(answer.results[join.eventId] ?? {}, 'error')) {
      throw new Error(`the join was refused: ${answer.text}`)
    }
    const state = await peer.ask(
      askable(server),
      'GET',
      `/_matrix/federation/v1/state/${encodeURIComponent(id)}?event_id=${encodeURIComponent(join.eventId)}`,
    )
    room.#learn(state.body['pdus'] as unknown as BuiltEvent['pdu'][])
    room.#state.set(stateTupleKey('m.room.member', userId), referenceTo(version, join))
    return room
  }

  /** Builds an event of the peer's user on the end of what the peer has sent, with what a test wants to be different. */
  build(fields: Partial<EventDraft> = {}): BuiltEvent {
    const plain: EventDraft = {
      type: 'm.room.message',
      sender: this.userId,
      room_id: this.id,
      content: { msgtype: 'm.text', body: 'hello' },
      origin_server_ts: Date.now(),
      depth: this.#tip.depth + 1,
      prev_events: [referenceTo(this.version, this.#tip.event)],
      auth_events: [],
      ...fields,
    }
    const auth = authTypesFor(this.version, plain)
      .map(([type, stateKey]) => this.#state.get(stateTupleKey(type, stateKey)))
      .filter((reference) => reference !== undefined)
    return buildEvent(
      this.version,
      { ...plain, auth_events: fields.auth_events ?? auth },
      { serverName: this.peer.name, signingKey: this.peer.signingKey },
    )
  }

  /** Builds an event and makes it the end that the next one is built on. */
  next(fields: Partial<EventDraft> = {}): BuiltEvent {
    const event = this.build(fields)
    this.#tip = { event, depth: event.pdu.depth }
    return event
  }

  /** Sends PDUs as they are. */
  async sendPdus(
    ...pdus: readonly unknown[]
  ): Promise<TestAnswer & { readonly results: Readonly<Record<string, { readonly error?: string }>> }> {
    const answer = await sendTransaction(this.peer, this.server, { pdus })
    return { ...answer, results: (answer.body['pdus'] ?? {}) as Record<string, { error?: string }> }
  }

  #learn(pdus: readonly BuiltEvent['pdu'][]): void {
    for (const pdu of pdus) {
      if (pdu.state_key === undefined) continue
      this.#state.set(
        stateTupleKey(pdu.type, pdu.state_key),
        referenceTo(this.version, { eventId: eventId(this.version, pdu), pdu }),
      )
    }
  }
}
