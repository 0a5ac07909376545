import type { JsonObject } from '@hearth/protocol'
import { addSignature, buildEvent, contentHash, type BuiltEvent, type EventReference, type Pdu } from '@hearth/rooms'
import type { FakePeer, TestClient } from '@hearth/test-kit'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { FederatedServer } from '../fixtures/federated-server.ts'
import { versionOf, type PeerUser } from '../fixtures/peer-user.ts'
import { SharedRoom } from '../shared-room.ts'

// What was published of other servers, and what else a server can try with a room that it is in.

let hearth: FederatedServer
let alice: TestClient
let mallory: PeerUser
let peer: FakePeer

const enc = encodeURIComponent
const soon = (look: () => unknown) => expect.poll(look, { timeout: 30_000, interval: 20 })

beforeAll(async () => {
  hearth = await FederatedServer.start()
  alice = await hearth.register('alice')
  mallory = await hearth.peerUser('mallory')
  peer = mallory.peer
})
afterAll(() => hearth[Symbol.asyncDispose]())

const sharedRoom = (options: { roomVersion?: string } = {}) => SharedRoom.create(alice, hearth.server, peer, options)

/** A room in which the user of the peer may do everything. */
async function ruledRoom(roomVersion: string): Promise<SharedRoom> {
  const users = { ...(roomVersion !== '12' && { [alice.userId]: 100 }), [mallory.userId]: 100 }
  const id = await alice.createRoom({
    preset: 'public_chat',
    room_version: roomVersion,
    power_level_content_override: { users },
  })
  return SharedRoom.join(id as SharedRoom['id'], hearth.server, peer)
}

async function stateOf(roomId: string): Promise<Record<string, JsonObject>> {
  const { text } = await alice.request('GET', `rooms/${enc(roomId)}/state`)
  const events = JSON.parse(text) as { type: string; state_key: string; content: JsonObject }[]
  return Object.fromEntries(events.map(({ type, state_key: key, content }) => [`${type} ${key}`, content]))
}

function eventOf(roomId: string, eventId: string) {
  return alice.request('GET', `rooms/${enc(roomId)}/event/${enc(eventId)}`)
}

function textsSentTo({ peer }: PeerUser): unknown[] {
  return peer
    .requestsTo(/^\/_matrix\/federation\/v1\/send\//)
    .flatMap(({ body }) => body['pdus'] as { content: JsonObject }[])
    .flatMap(({ content }) => content['body'] ?? [])
}

/** Gives an event of room version 1 an id of its server's own choice. */
function withId(room: SharedRoom, eventId: string, { pdu }: BuiltEvent): BuiltEvent {
  const renamed = { ...pdu, event_id: eventId, signatures: {} } as Pdu
  const hashed = { ...renamed, hashes: { sha256: contentHash(room.version, renamed) } }
  return addSignature(room.version, { eventId: eventId as BuiltEvent['eventId'], pdu: hashed }, mallory.signer)
}

describe('a room that is for one server only', () => {
  it('[SEC-136] has nobody of another server in it, whatever that sends', async () => {
    const roomId = await alice.createRoom({ preset: 'public_chat', creation_content: { 'm.federate': false } })
    expect((await mallory.template('join', roomId)).status).toBe(403)
    mallory.acceptInvites()
    const invited = await alice.request('POST', `rooms/${enc(roomId)}/invite`, { body: { user_id: mallory.userId } })
    expect(invited.status).toBe(403)
    const { text } = await alice.request('GET', `rooms/${enc(roomId)}/state`)
    const state = JSON.parse(text) as { type: string; event_id: string }[]
    const idOf = (type: string) => state.find((event) => event.type === type)!.event_id as EventReference & string
    const version = versionOf('11')
    const auth = ['m.room.create', 'm.room.join_rules', 'm.room.power_levels'].map(idOf)
    const join = buildEvent(
      version,
      {
        type: 'm.room.member',
        sender: mallory.userId,
        state_key: mallory.userId,
        room_id: roomId,
        content: { membership: 'join' },
        origin_server_ts: Date.now(),
        depth: 20,
        prev_events: [idOf('m.room.join_rules')],
        auth_events: auth,
      },
      mallory.signer,
    )
    expect((await mallory.submit('join', roomId, join)).status).toBe(403)
    await mallory.put('v1/send/federate', { origin: peer.name, origin_server_ts: 1, pdus: [join.pdu] })
    expect(await stateOf(roomId)).not.toHaveProperty(`m.room.member ${mallory.userId}`)
  })
})

describe('power levels', () => {
  it.each(['10', '11', '12'])('[SEC-137] that are none are refused in room version %s', async (roomVersion) => {
    const room = await ruledRoom(roomVersion)
    const before = (await stateOf(room.id))['m.room.power_levels ']!
    const users = before['users'] as JsonObject
    const contents: JsonObject[] = [
      { ...before, ban: '50' },
      { ...before, users: { ...users, [mallory.userId]: '100' } },
      { ...before, users: { ...users, 'no user': 50 } },
      { ...before, events: { 'm.room.name': '0' } },
      { ...before, events: [] },
      ...(roomVersion === '12' ? [{ ...before, users: { ...users, [alice.userId]: 100 } }] : []),
    ]
    for (const content of contents) {
      const event = room.build({ type: 'm.room.power_levels', state_key: '', content })
      await room.sendPdus(event.pdu)
      expect((await eventOf(room.id, event.eventId)).status).toBe(404)
    }
    expect((await stateOf(room.id))['m.room.power_levels ']).toEqual(before)
    const good = room.build({ type: 'm.room.power_levels', state_key: '', content: { ...before, ban: 60 } })
    expect((await room.sendPdus(good.pdu)).results).toEqual({ [good.eventId]: {} })
  })
})

describe('a room that somebody floods', () => {
  it('[SEC-144] [S-41] does not keep others waiting', async () => {
    const [flooded, quiet] = [await sharedRoom(), await sharedRoom()]
    const carol = await hearth.peerUser('carol')
    const other = await SharedRoom.join(quiet.id, hearth.server, carol.peer, 'carol')
    let isOver = false
    const flood = async (): Promise<void> => {
      // Each is a fork of its own, which all that come later have to be resolved with.
      const topic = (n: number) => flooded.build({ type: 'org.example.flood', state_key: `${n}`, content: { n } }).pdu
      for (let sent = 0; sent < 600; sent += 50) {
        await flooded.sendPdus(...Array.from({ length: 50 }, (_, n) => topic(sent + n)))
      }
      isOver = true
    }
    const flooding = flood()
    for (let n = 0; n < 3; n += 1) {
      const event = other.next({ content: { msgtype: 'm.text', body: `${n}` } })
      expect((await other.sendPdus(event.pdu)).results).toEqual({ [event.eventId]: {} })
      expect((await eventOf(quiet.id, event.eventId)).status).toBe(200)
    }
    expect(isOver).toBe(false)
    await flooding
  })
})

describe('events of another server', () => {
  it('[S-20] are not allowed by what belongs to another room', async () => {
    const [room, elsewhere] = [await sharedRoom(), await ruledRoom('11')]
    const before = await stateOf(room.id)
    const { auth_events: auth } = elsewhere.build({ type: 'm.room.name', state_key: '' }).pdu
    const coup = room.build({ type: 'm.room.name', state_key: '', content: { name: 'mine' }, auth_events: auth })
    await room.sendPdus(coup.pdu)
    expect((await eventOf(room.id, coup.eventId)).status).toBe(404)
    expect(await stateOf(room.id)).toEqual(before)
  })

  it('[S-71] that were refused do not end the history', async () => {
    const room = await sharedRoom()
    const text = (body: string) => ({ content: { msgtype: 'm.text', body } })
    const [first, last] = [room.next(text('first')), room.next(text('last'))]
    const refused = [1, 2, 3, 4].map((n) =>
      room.build({ type: 'm.room.topic', state_key: '', content: { topic: `${n}` } }),
    )
    await room.sendPdus(first.pdu)
    await room.sendPdus(...refused.map(({ pdu }) => pdu))
    await room.sendPdus(last.pdu)
    const seen: unknown[] = []
    for (let from: string | undefined = ''; from !== undefined;) {
      const page = await alice.get(`rooms/${enc(room.id)}/messages?dir=b&limit=2${from === '' ? '' : `&from=${from}`}`)
      seen.push(...(page['chunk'] as { event_id: string }[]).map(({ event_id: id }) => id))
      from = page['end'] as string | undefined
    }
    expect(seen.slice(0, 2)).toEqual([last.eventId, first.eventId])
    expect(seen.length).toBeGreaterThan(5)
    for (const { eventId } of refused) expect(seen).not.toContain(eventId)
  })

  it.each(['1', '2', '3', '11'])('[S-13] redact nothing of others in room version %s', async (roomVersion) => {
    const room = await sharedRoom({ roomVersion })
    const target = await alice.sendText(room.id, 'mine')
    const named = room.version.redactsIn === 'content' ? { content: { redacts: target } } : { redacts: target }
    const redaction = room.build({ type: 'm.room.redaction', content: {}, ...named })
    await room.sendPdus(redaction.pdu)
    expect((await eventOf(room.id, target)).body['content']).toMatchObject({ body: 'mine' })
  })

  it('[S-14] that redact one another, or themselves, keep nobody busy', async () => {
    const room = await sharedRoom({ roomVersion: '1' })
    const ids = ['one', 'two', 'self'].map((name) => `$${name}${Date.now()}:${peer.name}`)
    const [one, two, self] = ids as [string, string, string]
    const redaction = (eventId: string, redacts: string) =>
      withId(room, eventId, room.build({ type: 'm.room.redaction', content: {}, redacts }))
    const answer = await room.sendPdus(redaction(one, two).pdu, redaction(two, one).pdu, redaction(self, self).pdu)
    expect(answer.status).toBe(200)
    for (const eventId of ids) expect((await eventOf(room.id, eventId)).status).toBeLessThan(500)
    expect((await alice.request('GET', `rooms/${enc(room.id)}/messages?dir=b&limit=20`)).status).toBe(200)
    await alice.sendText(room.id, 'goes on')
  })

  it('[D-02] [S-09] are checked as well when they are fetched to fill a gap', async () => {
    const room = await sharedRoom()
    for (const [change, expected] of [
      // The hash no longer fits: what redaction leaves is taken. The signature no longer fits: nothing is.
      [(pdu: Pdu) => ({ ...pdu, content: { msgtype: 'm.text', body: 'forged' } }), 200],
      [(pdu: Pdu) => ({ ...pdu, origin_server_ts: pdu.origin_server_ts + 1 }), 404],
    ] as const) {
      const missing = room.next({ content: { msgtype: 'm.text', body: 'true' } })
      const next = room.next()
      peer.on('POST', /get_missing_events/, () => ({ events: [change(missing.pdu)] }))
      await room.sendPdus(next.pdu)
      if (expected === 200) await soon(async () => (await eventOf(room.id, missing.eventId)).status).toBe(200)
      const { text } = await eventOf(room.id, missing.eventId)
      expect(text).not.toContain('forged')
      if (expected === 404) {
        expect((await eventOf(room.id, missing.eventId)).status).toBe(404)
        expect((await alice.request('GET', `rooms/${enc(room.id)}/messages?dir=b&limit=5`)).text).not.toContain(
          missing.eventId,
        )
      }
    }
  })
})

describe('state that a server tells of before an event of its own', () => {
  /** How many events have not been tried. */
  const untried = async (): Promise<number> => {
    const rows = await hearth.server.store.database.query<{ count: number }>(
      null,
      'select count(*) as count from inbound_staging where failure is null',
    )
    return rows[0]!.count
  }

  /** Sends an event before which there is only what the peer tells the state of. */
  async function tell(room: SharedRoom, events: readonly BuiltEvent[], stateIds: readonly string[]): Promise<void> {
    const unknown = room.build({ prev_events: [`$${'x'.repeat(43)}` as never] })
    const next = room.build({ prev_events: [unknown.eventId] })
    const byId = new Map([...events, unknown].map((event) => [event.eventId as string, event.pdu]))
    peer.on('POST', /get_missing_events/, () => ({ events: [unknown.pdu] }))
    peer.on('GET', /\/state_ids\//, () => ({ pdu_ids: [...stateIds], auth_chain_ids: [] }))
    peer.on('GET', /\/event\//, ({ path }) => {
      const pdu = byId.get(decodeURIComponent(path.split('/').at(-1)!))
      return pdu ? { origin: peer.name, origin_server_ts: 1, pdus: [pdu] } : [404, { errcode: 'M_NOT_FOUND' }]
    })
    const asked = peer.requestsTo(/\/state_ids\//).length
    await room.sendPdus(next.pdu)
    await soon(() => peer.requestsTo(/\/state_ids\//).length).toBeGreaterThan(asked)
    await soon(untried).toBe(0)
  }

  const idsOf = async (roomId: string): Promise<Map<string, string>> => {
    const { text } = await alice.request('GET', `rooms/${enc(roomId)}/state`)
    const events = JSON.parse(text) as { type: string; state_key: string; event_id: string }[]
    return new Map(events.map(({ type, state_key: key, event_id: id }) => [`${type} ${key}`, id]))
  }

  it('[S-26] takes nothing away when it is but a part', async () => {
    const room = await sharedRoom()
    const before = await stateOf(room.id)
    const ids = await idsOf(room.id)
    await tell(room, [], [ids.get('m.room.create ')!, ids.get(`m.room.member ${mallory.userId}`)!])
    expect(await stateOf(room.id)).toEqual(before)
    await alice.sendText(room.id, 'goes on')
  })

  it('[S-48] brings nothing back that was rejected', async () => {
    const room = await sharedRoom()
    const before = await stateOf(room.id)
    const coup = room.build({
      type: 'm.room.power_levels',
      state_key: '',
      content: { users: { [mallory.userId]: 100 } },
    })
    await room.sendPdus(coup.pdu)
    expect((await eventOf(room.id, coup.eventId)).status).toBe(404)
    const ids = await idsOf(room.id)
    ids.set('m.room.power_levels ', coup.eventId)
    await tell(room, [coup], [...ids.values()])
    expect(await stateOf(room.id)).toEqual(before)
    await alice.sendText(room.id, 'goes on')
  })
})

describe('members', () => {
  it('[S-15] are not joined or parted by servers of others', async () => {
    const room = await sharedRoom()
    const carol = '@carol:third.test'
    for (const membership of ['join', 'leave'] as const) {
      const template = (await mallory.template(membership, room.id)).body
      for (const userId of [alice.userId, carol]) {
        const event = mallory.build(template, { sender: userId, state_key: userId })
        expect((await mallory.submit(membership, room.id, event)).status).toBe(403)
      }
    }
    const state = await stateOf(room.id)
    expect(state[`m.room.member ${alice.userId}`]).toMatchObject({ membership: 'join' })
    expect(state).not.toHaveProperty(`m.room.member ${carol}`)
  })

  it('[S-30] change in the room that the path names, and the room goes on where it does not', async () => {
    const [roomId, other] = [
      await alice.createRoom({ preset: 'public_chat' }),
      await alice.createRoom({ preset: 'public_chat' }),
    ]
    const dave = await hearth.peerUser('dave')
    await dave.join(roomId)
    for (const membership of ['join', 'leave'] as const) {
      const event = dave.build((await dave.template(membership, roomId)).body)
      expect((await dave.submit(membership, other, event)).status).toBe(400)
      const renamed = { ...event, eventId: `$${'y'.repeat(43)}` as BuiltEvent['eventId'] }
      expect((await dave.submit(membership, roomId, renamed)).status).toBe(400)
    }
    const exchange = { type: 'm.room.member', room_id: other, sender: alice.userId, state_key: dave.userId }
    const content = { membership: 'invite', third_party_invite: {} }
    const exchanged = await dave.put(`v1/exchange_third_party_invite/${enc(roomId)}`, { ...exchange, content })
    expect(exchanged.status).toBe(400)
    await alice.sendText(roomId, 'goes on')
    await soon(() => textsSentTo(dave)).toEqual(['goes on'])
  })

  it('[S-51] are invited to rooms with whatever names, and their servers go on being sent events', async () => {
    const erin = await hearth.peerUser('erin')
    erin.acceptInvites()
    const shared = await alice.createRoom({ preset: 'public_chat' })
    await erin.join(shared)
    const large = await alice.createRoom()
    for (const [type, key] of [
      ['m.room.name', 'name'],
      ['m.room.topic', 'topic'],
    ] as const) {
      await alice.request('PUT', `rooms/${enc(large)}/state/${type}/`, { body: { [key]: 'x'.repeat(60_000) } })
    }
    const invited = await alice.request('POST', `rooms/${enc(large)}/invite`, { body: { user_id: erin.userId } })
    expect(invited.status).toBeLessThan(500)
    for (const request of erin.peer.requestsTo(/\/v2\/invite\//)) expect(request.text.length).toBeLessThan(1_000_000)
    const texts = Array.from({ length: 10 }, (_, n) => `${n}`)
    for (const text of texts) await alice.sendText(shared, text)
    await soon(() => textsSentTo(erin)).toEqual(texts)
  })
})
