import { canonicalJson, generateSigningKey, signJson } from '@hearth/crypto'
import type { JsonObject } from '@hearth/protocol'
import { buildEvent, type BuiltEvent } from '@hearth/rooms'
import { FakeNetwork, FakePeer, TestCa, TestServer, type TestClient } from '@hearth/test-kit'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { sendRequest } from './raw-request.ts'
import { askable, here, sendTransaction, SharedRoom } from './shared-room.ts'

const network = new FakeNetwork()
let ca: TestCa
let server: TestServer
let peer: FakePeer
let alice: TestClient

beforeAll(async () => {
  ca = await TestCa.create()
  server = await TestServer.start({ network, settings: { HEARTH_NETWORK_CA_FILE: ca.caFile } })
  peer = await FakePeer.start({ ca, network, name: 'peer.test' })
  alice = await server.register('alice')
})

afterAll(async () => {
  await server.stop()
  await peer[Symbol.asyncDispose]()
  await ca[Symbol.asyncDispose]()
})

const eventPath = (room: SharedRoom, eventId: string) =>
  `rooms/${encodeURIComponent(room.id)}/event/${encodeURIComponent(eventId)}`
const statusOf = async (room: SharedRoom, { eventId }: BuiltEvent, client = alice) =>
  (await client.request('GET', `/_matrix/client/v3/${eventPath(room, eventId)}`)).status
const say = (room: SharedRoom, body: string) => room.next({ content: { msgtype: 'm.text', body } })

describe('PUT /send', () => {
  it('takes events in, and says of each what became of it', async () => {
    const room = await SharedRoom.create(alice, server, peer)
    const events = [say(room, 'one'), say(room, 'two')]
    const { status, results } = await room.sendPdus(...events.map(({ pdu }) => pdu))
    expect([status, results]).toEqual([200, Object.fromEntries(events.map(({ eventId }) => [eventId, {}]))])
    for (const event of events) expect(await statusOf(room, event)).toBe(200)
  })

  it.each(['1', '3', '6', '10', '12'])('takes events of room version %s', async (roomVersion) => {
    const room = await SharedRoom.create(alice, server, peer, { roomVersion })
    const event = say(room, 'hello')
    expect((await room.sendPdus(event.pdu)).results).toEqual({ [event.eventId]: {} })
    expect(await statusOf(room, event)).toBe(200)
  })

  it('[SEC-113] refuses more than 50 PDUs or 100 EDUs, and nothing of them happens', async () => {
    const room = await SharedRoom.create(alice, server, peer)
    const first = say(room, 'first')
    const rest = Array.from({ length: 50 }, (_, i) => say(room, `number ${i}`))
    expect((await room.sendPdus(...[first, ...rest].map(({ pdu }) => pdu))).status).toBe(400)
    expect(await statusOf(room, first)).toBe(404)
    const edus = Array.from({ length: 101 }, () => ({ edu_type: 'x', content: {} }))
    expect((await sendTransaction(peer, server, { edus })).status).toBe(400)
    expect((await sendTransaction(peer, server, { edus: edus.slice(1) })).status).toBe(200)
    const [last, ...all] = [first, ...rest].toReversed()
    expect((await room.sendPdus(...all.toReversed().map(({ pdu }) => pdu))).status).toBe(200)
    expect((await room.sendPdus(last!.pdu)).status).toBe(200)
    expect(await statusOf(room, last!)).toBe(200)
  })

  it.each<[string, JsonObject]>([
    ['no pdus', {}],
    ['pdus null', { pdus: null }],
    ['pdus an object', { pdus: {} }],
    ['edus null', { pdus: [], edus: null }],
    ['a time that is a text', { pdus: [], origin_server_ts: 'x' }],
  ])('[SEC-114] refuses a transaction with %s', async (_, body) => {
    const answer = await peer.ask(askable(server), 'PUT', '/_matrix/federation/v1/send/malformed', body)
    expect([answer.status, answer.body['errcode']]).toEqual([400, 'M_BAD_JSON'])
  })

  it('[SEC-116] passes over events of no room, and of rooms that nobody here is in', async () => {
    const room = await SharedRoom.create(alice, server, peer)
    const plain = room.build()
    const { room_id: _, ...without } = plain.pdu
    const elsewhere = room.build({ room_id: '!elsewhere:peer.test' })
    const good = say(room, 'good')
    const { status, results } = await room.sendPdus(without, { ...plain.pdu, room_id: 5 }, elsewhere.pdu, good.pdu)
    expect([status, results[good.eventId]]).toEqual([200, {}])
    expect(await statusOf(room, good)).toBe(200)
    expect(await statusOf(room, elsewhere)).toBe(404)
  })

  it.each([2 ** 63, 2 ** 53, -1, '5', 1.5, null, undefined])(
    '[SEC-117] [S-04] [S-67] drops an event of depth %j, and takes those beside it and after it',
    async (depth) => {
      const room = await SharedRoom.create(alice, server, peer)
      const good = say(room, 'good')
      const { pdu } = room.build()
      // As text, since such numbers have no canonical form.
      const bad = JSON.stringify({ ...pdu, depth })
      const text = `{"origin":"${peer.name}","origin_server_ts":5,"pdus":[${bad},${canonicalJson(good.pdu)}]}`
      const answer = await sendText(text)
      expect([answer.status, answer.body]).toMatchObject([200, { pdus: { [good.eventId]: {} } }])
      const own = await alice.send(room.id, 'm.room.message', { msgtype: 'm.text', body: 'after' })
      const stored = await peer.ask(askable(server), 'GET', `/_matrix/federation/v1/event/${encodeURIComponent(own)}`)
      const [event] = stored.body['pdus'] as { depth: number }[]
      expect(Number.isSafeInteger(event!.depth)).toBe(true)
    },
  )

  it('[SEC-117] takes the other events of a server that signs another form than it sends', async () => {
    const room = await SharedRoom.create(alice, server, peer)
    const good = say(room, 'good')
    const pdus = [{ ...room.build().pdu, depth: 2 ** 63, content: { x: 1.5, nul: '\u0000' } }, good.pdu]
    const content = { pdus, origin_server_ts: 5 } as unknown as JsonObject
    const target = '/_matrix/federation/v1/send/otherwise'
    const signed = { destination: here, method: 'PUT', origin: peer.name, uri: target, content }
    const sig = peer.signingKey.sign(canonicalJson(signed, { numbers: 'legacy' }))
    const authorization = `X-Matrix origin="${peer.name}",key="${peer.signingKey.keyId}",sig="${sig}"`
    const body = JSON.stringify(content, null, 1)
    const answer = await sendRequest(server.url, {
      method: 'PUT',
      target,
      headers: ['Authorization', authorization],
      body,
    })
    expect([answer.status, answer.body]).toMatchObject([200, { pdus: { [good.eventId]: {} } }])
    expect(await statusOf(room, good)).toBe(200)
  })

  it('[SEC-118] redacts an event whose content hash is wrong', async () => {
    const room = await SharedRoom.create(alice, server, peer)
    const { pdu, eventId } = room.build()
    const { results } = await room.sendPdus({ ...pdu, content: { msgtype: 'm.text', body: 'forged' } })
    expect(results).toEqual({ [eventId]: {} })
    expect((await alice.get(eventPath(room, eventId)))['content']).toEqual({})
  })

  it('[SEC-120] drops an event that is too large, and takes those beside it', async () => {
    const room = await SharedRoom.create(alice, server, peer)
    const huge = room.build({ content: { body: 'x'.repeat(65_537) } })
    const good = say(room, 'good')
    const { results } = await room.sendPdus(huge.pdu, good.pdu)
    expect(results[good.eventId]).toEqual({})
    expect([await statusOf(room, huge), await statusOf(room, good)]).toEqual([404, 200])
  })

  it('[SEC-128] strips what another server says in unsigned', async () => {
    const room = await SharedRoom.create(alice, server, peer)
    const { pdu, eventId } = room.next()
    const unsigned = {
      transaction_id: 'x',
      prev_content: { a: 1 },
      redacted_because: {},
      'm.relations': {},
      invite_room_state: [],
      age: 5_000_000,
    }
    await room.sendPdus({ ...pdu, unsigned })
    const shown = (await alice.get(eventPath(room, eventId)))['unsigned'] as JsonObject
    for (const key of Object.keys(unsigned).filter((name) => name !== 'age')) expect(shown).not.toHaveProperty([key])
    expect(shown['age']).toBeLessThan(5_000_000)
  })

  it('[SEC-129] drops events of a wrong form, and takes those beside them', async () => {
    const room = await SharedRoom.create(alice, server, peer)
    const { pdu } = room.build()
    const wrong = [
      { content: null },
      { content: [] },
      { content: 'x' },
      { type: 5 },
      { sender: null },
      { prev_events: {} },
      { prev_events: [5] },
      { auth_events: null },
      { hashes: null },
      { signatures: 'x' },
      { origin_server_ts: 'x' },
      { state_key: {} },
      { type: 'x'.repeat(256) },
      { state_key: '\u0000' },
      { sender: '@mallory' },
    ]
    const good = say(room, 'good')
    const { status, results } = await room.sendPdus(
      ...wrong.map((changes) => ({ ...pdu, ...changes })),
      5,
      null,
      [],
      good.pdu,
    )
    expect([status, results[good.eventId]]).toEqual([200, {}])
    expect(await statusOf(room, good)).toBe(200)
    expect((await alice.request('GET', '/_matrix/client/v3/sync')).status).toBe(200)
  })

  it('[SEC-130] takes an event that is nested as deep as others can read, and is not harmed by one that is deeper', async () => {
    const room = await SharedRoom.create(alice, server, peer)
    const nested = (depth: number) => {
      let value: unknown = []
      for (let i = 1; i < depth; i++) value = [value]
      return { msgtype: 'm.text', body: 'deep', x: value } as JsonObject
    }
    const deep = room.next({ content: nested(900) })
    const deeper = room.build({ content: nested(20_000) })
    const text = `{"origin":"${peer.name}","origin_server_ts":5,"pdus":[${canonicalJson(deep.pdu)},${canonicalJson(deeper.pdu)}]}`
    expect((await sendText(text)).status).toBe(200)
    expect(await statusOf(room, deep)).toBe(200)
    expect((await alice.request('GET', '/_matrix/client/v3/sync')).status).toBe(200)
    const after = say(room, 'after')
    expect((await room.sendPdus(after.pdu)).results).toEqual({ [after.eventId]: {} })
  })

  it('[SEC-138] takes an event of any time', async () => {
    const room = await SharedRoom.create(alice, server, peer)
    const events = [0, Number.MAX_SAFE_INTEGER].map((ts) => room.next({ origin_server_ts: ts }))
    expect((await room.sendPdus(...events.map(({ pdu }) => pdu))).status).toBe(200)
    for (const event of events) {
      const answer = await alice.request('GET', `/_matrix/client/v3/${eventPath(room, event.eventId)}`)
      if (answer.status === 200) expect((answer.body['unsigned'] as JsonObject)['age']).toBeGreaterThanOrEqual(0)
    }
    expect((await alice.request('GET', '/_matrix/client/v3/sync')).status).toBe(200)
  })

  it('[S-02] takes no event that its server has not signed', async () => {
    const room = await SharedRoom.create(alice, server, peer)
    const mine = room.build()
    const forged = [
      { ...mine.pdu, signatures: {} },
      signJson({ ...mine.pdu, signatures: {} } as never, peer.name, generateSigningKey('other')),
      { ...mine.pdu, signatures: room.build({ content: { body: 'other' } }).pdu.signatures },
      { ...mine.pdu, signatures: { 'other.test': mine.pdu.signatures[peer.name] } },
      // In the name of somebody of this server, and of a third.
      room.build({ sender: alice.userId }).pdu,
      room.build({ sender: '@victim:third.test' }).pdu,
    ]
    const { status } = await room.sendPdus(...forged)
    expect(status).toBe(200)
    const ids = forged.map((pdu) => buildEventId(room, pdu))
    for (const eventId of ids) expect(await statusOf(room, { eventId } as BuiltEvent)).toBe(404)
  })

  it('[SEC-141] takes an event once, however often it comes and from how many', async () => {
    const room = await SharedRoom.create(alice, server, peer)
    const event = say(room, 'once')
    const { results } = await room.sendPdus(...Array.from({ length: 50 }, () => event.pdu))
    expect(results).toEqual({ [event.eventId]: {} })
    const relays = await Promise.all(
      Array.from({ length: 5 }, (_, i) => FakePeer.start({ ca, network, name: `relay${i}.test` })),
    )
    const twice = say(room, 'twice')
    await Promise.all([...relays, peer].map((each) => sendTransaction(each, server, { pdus: [twice.pdu] })))
    const { chunk } = await alice.get(`rooms/${encodeURIComponent(room.id)}/messages`, {
      dir: 'b',
      limit: 50,
    })
    const ids = (chunk as { event_id: string }[]).map(({ event_id: id }) => id)
    expect(ids.filter((id) => id === event.eventId || id === twice.eventId).toSorted()).toEqual(
      [event.eventId, twice.eventId].toSorted(),
    )
    for (const relay of relays) await relay[Symbol.asyncDispose]()
  })

  it('gives the same answer to a transaction that comes again, and looks at one that only has its id', async () => {
    const room = await SharedRoom.create(alice, server, peer)
    const [one, two] = [say(room, 'one'), say(room, 'two')]
    const send = (event: BuiltEvent) => sendTransaction(peer, server, { pdus: [event.pdu], txnId: 'again' })
    const path = '/_matrix/federation/v1/send/again'
    const body = { origin: peer.name, origin_server_ts: 1, pdus: [one.pdu] } as unknown as JsonObject
    const answers = await Promise.all([1, 2, 3].map(() => peer.ask(askable(server), 'PUT', path, body)))
    for (const answer of answers) expect(answer.body).toEqual({ pdus: { [one.eventId]: {} } })
    // A server that was restored from an old backup gives out its ids again.
    expect((await send(two)).body).toEqual({ pdus: { [two.eventId]: {} } })
    expect(await statusOf(room, two)).toBe(200)
  })

  it('[SEC-140] loses nothing of transactions that come at once', async () => {
    const room = await SharedRoom.create(alice, server, peer)
    const events = Array.from({ length: 12 }, (_, i) => room.build({ content: { body: `number ${i}` } }))
    const waiting = [...events]
    // As a server that sends before it has an answer: what is refused comes again.
    while (waiting.length > 0) {
      const batch = waiting.splice(0)
      const answers = await Promise.all(batch.map((event) => room.sendPdus(event.pdu)))
      answers.forEach(({ status }, index) => {
        expect([200, 429]).toContain(status)
        if (status === 429) waiting.push(batch[index]!)
      })
    }
    for (const event of events) expect(await statusOf(room, event)).toBe(200)
  })

  it('takes nothing from a server that the room keeps out, and goes on taking from others', async () => {
    const room = await SharedRoom.create(alice, server, peer)
    const other = await FakePeer.start({ ca, network, name: 'kept-out.test' })
    const acl = { allow: ['*'], deny: ['kept-out.test'], allow_ip_literals: true }
    await alice.request('PUT', `/_matrix/client/v3/rooms/${encodeURIComponent(room.id)}/state/m.room.server_acl/`, {
      body: acl,
    })
    const event = say(room, 'relayed')
    const denied = await sendTransaction(other, server, { pdus: [event.pdu] })
    expect([denied.status, Object.keys((denied.body['pdus'] as JsonObject)[event.eventId] as JsonObject)]).toEqual([
      200,
      ['error'],
    ])
    expect(await statusOf(room, event)).toBe(404)
    expect((await room.sendPdus(event.pdu)).results).toEqual({ [event.eventId]: {} })
    expect(await statusOf(room, event)).toBe(200)
    await other[Symbol.asyncDispose]()
  })

  it('takes in EDUs after the events', async () => {
    const room = await SharedRoom.create(alice, server, peer)
    const event = say(room, 'read me')
    const receipt = { [room.id]: { 'm.read': { [room.userId]: { event_ids: [event.eventId], data: { ts: 5 } } } } }
    const { status } = await sendTransaction(peer, server, {
      pdus: [event.pdu],
      edus: [{ edu_type: 'm.receipt', content: receipt }, 5, { edu_type: 'unknown', content: {} }],
    })
    expect(status).toBe(200)
    const { rooms } = await alice.get('sync')
    expect(JSON.stringify((rooms as { join: Record<string, JsonObject> }).join[room.id]!['ephemeral'])).toContain(
      event.eventId,
    )
  })
})

function buildEventId(room: SharedRoom, pdu: object): string {
  return buildEvent(room.version, pdu as never, { serverName: peer.name, signingKey: peer.signingKey }).eventId
}

/** Sends a transaction whose text says exactly this, signed as it stands. */
function sendText(text: string) {
  const target = `/_matrix/federation/v1/send/text${Math.random()}`
  const rest = canonicalJson({ destination: here, method: 'PUT', origin: peer.name, uri: target }).slice(1)
  const sig = peer.signingKey.sign(`{"content":${text},${rest}`)
  const authorization = `X-Matrix origin="${peer.name}",destination="${here}",key="${peer.signingKey.keyId}",sig="${sig}"`
  return sendRequest(server.url, { method: 'PUT', target, headers: ['Authorization', authorization], body: text })
}
