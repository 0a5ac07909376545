import type { JsonObject } from '@hearth/protocol'
import { eventId, type BuiltEvent, type Pdu } from '@hearth/rooms'
import { ForeignRoom, type FakePeer } from '@hearth/test-kit'

const roomVersion = '11'

/** A public room that lives on fake servers until the measured server joins it through the first of them. */
export class ServedRoom {
  readonly room: ForeignRoom
  readonly resident: FakePeer
  /** The state events' text, made once: answering must not be what is measured. */
  #joinAnswer: string | undefined

  private constructor(room: ForeignRoom, resident: FakePeer) {
    this.room = room
    this.resident = resident
    resident.on('GET', new RegExp(`/make_join/${encodeURIComponent(room.id)}/`), ({ path }) => this.#makeJoin(path))
    resident.on('PUT', new RegExp(`/send_join/${encodeURIComponent(room.id)}/`), ({ body }, response) => {
      const answer = this.#answerOf(body)
      this.#take(body)
      response.writeHead(200, { 'content-type': 'application/json' }).end(answer)
      return undefined
    })
    resident.on('GET', new RegExp(`/backfill/${encodeURIComponent(room.id)}`), () => ({ pdus: [] }))
  }

  /**
   * Makes a room with members of servers: `members` of them, each on the next of the servers, the first of which is the
   * resident one. Every member of the first `renamed` has changed their name since they joined.
   */
  static create(servers: readonly FakePeer[], { members = 0, renamed = 0 } = {}): ServedRoom {
    const [resident] = servers as [FakePeer]
    const keys = new Map(servers.map(({ name, signingKey }) => [name as string, signingKey]))
    const creator = `@creator:${resident.name}`
    const room = new ForeignRoom(roomVersion, { creator, keys })
    const powerLevels = { users: { [creator]: 100 }, users_default: 0, events_default: 0, state_default: 50 }
    room.send({ type: 'm.room.power_levels', sender: creator, state_key: '', content: powerLevels })
    room.send({ type: 'm.room.join_rules', sender: creator, state_key: '', content: { join_rule: 'public' } })
    room.send({
      type: 'm.room.history_visibility',
      sender: creator,
      state_key: '',
      content: { history_visibility: 'shared' },
    })
    const userIds = Array.from({ length: members }, (_, n) => `@member${n}:${servers[n % servers.length]!.name}`)
    for (const [n, userId] of userIds.entries()) room.send(room.member(userId, 'join', { displayname: `Member ${n}` }))
    for (const [n, userId] of userIds.slice(0, renamed).entries()) {
      room.send(room.member(userId, 'join', { displayname: `Member ${n}, renamed` }))
    }
    const served = new ServedRoom(room, resident)
    served.#joinAnswer = served.#answer()
    return served
  }

  /** Messages of a user, each built on the one before. */
  messages(sender: string, count: number): BuiltEvent[] {
    return Array.from({ length: count }, (_, n) =>
      this.room.send({
        type: 'm.room.message',
        sender,
        content: { msgtype: 'm.text', body: `message ${n} of ${sender}` },
      }),
    )
  }

  #makeJoin(path: string): JsonObject {
    const userId = decodeURIComponent(path.slice(path.lastIndexOf('/') + 1))
    const event = this.room.draft(this.room.member(userId, 'join'))
    return { room_version: roomVersion, event: event }
  }

  #answerOf(join: JsonObject): string {
    const answer = this.#joinAnswer ?? this.#answer()
    this.#joinAnswer = undefined
    return answer.replace('"event":0', `"event":${JSON.stringify(join)}`)
  }

  #answer(): string {
    const [state, chain] = [this.room.state, this.room.authChain].map((events) => events.map(({ json }) => json).join())
    return `{"event":0,"origin":"${this.resident.name}","members_omitted":false,"state":[${state}],"auth_chain":[${chain}]}`
  }

  /** What the measured server has joined with becomes the end of the room. */
  #take(join: JsonObject): void {
    const pdu = join as unknown as Pdu
    this.room.add({ eventId: eventId(this.room.version, pdu), pdu, json: JSON.stringify(pdu) })
  }
}
