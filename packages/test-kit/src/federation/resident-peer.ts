import type { JsonObject } from '@hearth/protocol'
import { addSignature, eventId, type BuiltEvent, type Pdu } from '@hearth/rooms'
import { ForeignRoom } from '../foreign-room.ts'
import type { FakePeer, PeerAnswer, PeerRequest } from './fake-peer.ts'

/** What a resident peer says when it is asked to let somebody in; a test may give it another answer. */
export interface ResidentAnswers {
  sendJoin?: (answer: JsonObject, join: BuiltEvent) => PeerAnswer | Promise<PeerAnswer>
}

/** A room that a peer is in, and lets others join, knock on and leave. */
export class ResidentPeer {
  readonly peer: FakePeer
  readonly room: ForeignRoom
  /** The member events that it was sent, oldest first. */
  readonly received: BuiltEvent[] = []
  readonly answers: ResidentAnswers = {}

  constructor(peer: FakePeer, version: string, { creator = `@creator:${peer.name}`, joinRule = 'public' } = {}) {
    this.peer = peer
    this.room = new ForeignRoom(version, { creator, keys: new Map([[peer.name, peer.signingKey]]) })
    const { room } = this
    const users = room.version.creatorsHaveInfinitePower ? {} : { [creator]: 100 }
    room.send({ type: 'm.room.power_levels', sender: creator, state_key: '', content: { users } })
    room.send({ type: 'm.room.join_rules', sender: creator, state_key: '', content: { join_rule: joinRule } })
    room.send({ type: 'm.room.name', sender: creator, state_key: '', content: { name: 'Elsewhere' } })
    for (const membership of ['join', 'leave', 'knock'] as const) {
      peer.on('GET', this.#path(`v1/make_${membership}`), (request) => this.#template(membership, request))
    }
    peer.on('PUT', this.#path('v2/send_join'), (request) => this.#join(request))
    peer.on('PUT', this.#path('v2/send_leave'), (request) => (this.#take(request), {}))
    peer.on('PUT', this.#path('v1/send_knock'), (request) => {
      this.#take(request)
      return { knock_room_state: [room.create.pdu, room.find('m.room.name')!.pdu] }
    })
    peer.on('GET', /^\/_matrix\/federation\/v1\/event\//, ({ path }) => {
      const wanted = decodeURIComponent(path.split('/').at(-1)!)
      const found = room.events.find((event) => event.eventId === wanted)
      return found ? { origin: peer.name, origin_server_ts: 1, pdus: [found.pdu] } : [404, { errcode: 'M_NOT_FOUND' }]
    })
  }

  #path(operation: string): RegExp {
    const escaped = encodeURIComponent(this.room.id).replaceAll(/[.$!*()]/g, String.raw`\$&`)
    const raw = this.room.id.replaceAll(/[.$!*()]/g, String.raw`\$&`)
    return new RegExp(`^/_matrix/federation/${operation}/(${escaped}|${raw})/`)
  }

  #template(membership: string, { path }: PeerRequest): JsonObject {
    const userId = decodeURIComponent(path.split('/').at(-1)!)
    const event = this.room.draft(this.room.member(userId, membership))
    return { room_version: this.room.version.id, event: event }
  }

  #join(request: PeerRequest): PeerAnswer | Promise<PeerAnswer> {
    const answer = {
      origin: this.peer.name,
      state: this.room.state.map(({ pdu }) => pdu),
      auth_chain: this.room.authChain.map(({ pdu }) => pdu),
    }
    const join = this.#take(request)
    const { room, peer } = this
    const signed = addSignature(room.version, join, { serverName: peer.name, signingKey: peer.signingKey })
    return this.answers.sendJoin?.({ ...answer, event: signed.pdu }, join) ?? { ...answer, event: signed.pdu }
  }

  #take({ body }: PeerRequest): BuiltEvent {
    const pdu = body as Pdu
    const event = { eventId: eventId(this.room.version, pdu), pdu, json: JSON.stringify(pdu) }
    this.received.push(event)
    this.room.add(event)
    return event
  }
}
