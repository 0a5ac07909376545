import { generateSigningKey } from '@hearth/crypto'
import type { JsonObject, RoomId } from '@hearth/protocol'
import { addSignature, eventId, roomVersions, type BuiltEvent, type Pdu } from '@hearth/rooms'
import { FakeNetwork, FakePeer, TestCa, TestServer, type TestClient } from '@hearth/test-kit'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { SharedRoom } from './shared-room.ts'

const keyId = 'ed25519:policy_server'
const policyKey = generateSigningKey('policy_server')
const otherKey = generateSigningKey('policy_server')

let ca: TestCa
let server: TestServer
let peer: FakePeer
let guard: FakePeer
let alice: TestClient
/** What the policy server does when it is asked. */
let answer: 'signs' | 'refuses' | 'is down' | 'signs with another key'
let asked: string[]

beforeAll(async () => {
  const network = new FakeNetwork()
  ca = await TestCa.create()
  server = await TestServer.start({ network, settings: { HEARTH_NETWORK_CA_FILE: ca.caFile } })
  peer = await FakePeer.start({ ca, network, name: 'peer.test' })
  guard = await FakePeer.start({ ca, network, name: 'guard.test' })
  guard.on('POST', '/_matrix/policy/v1/sign', ({ body }) => {
    const pdu = body as unknown as Pdu
    asked.push(typeof pdu.content['body'] === 'string' ? pdu.content['body'] : pdu.type)
    if (answer === 'is down') return [503, { errcode: 'M_UNKNOWN', error: 'Down' }]
    if (answer === 'refuses') return [400, { errcode: 'M_FORBIDDEN', error: 'This is spam' }]
    return { [guard.name]: { [keyId]: signed(pdu, answer === 'signs' ? policyKey : otherKey) } }
  })
  alice = await server.register('alice')
})

afterAll(async () => {
  await server.stop()
  await peer[Symbol.asyncDispose]()
  await guard[Symbol.asyncDispose]()
  await ca[Symbol.asyncDispose]()
})

beforeEach(() => {
  answer = 'signs'
  asked = []
})

const version = roomVersions['11']

function signed(pdu: Pdu, signingKey: typeof policyKey): string {
  const signer = { serverName: guard.name, signingKey }
  return addSignature(version, { eventId: eventId(version, pdu), pdu }, signer).pdu.signatures[guard.name]![keyId]!
}

/** A room with somebody of a peer, and of the policy server if that is to be in it, which it names. */
async function guardedRoom({ withGuard = true } = {}): Promise<SharedRoom> {
  const room = await SharedRoom.create(alice, server, peer)
  if (withGuard) await SharedRoom.join(room.id, server, guard, 'bot')
  await setPolicy(room.id, { via: guard.name, public_keys: { ed25519: policyKey.publicKey } })
  asked = []
  return room
}

const setPolicy = (roomId: RoomId, content: JsonObject) => alice.setState(roomId, 'm.room.policy', content)
const say = (room: SharedRoom, body: string): BuiltEvent => room.next({ content: { msgtype: 'm.text', body } })
const isShown = async (room: SharedRoom, { eventId: id }: BuiltEvent) => {
  const path = `/_matrix/client/v3/rooms/${encodeURIComponent(room.id)}/event/${encodeURIComponent(id)}`
  return (await alice.request('GET', path)).status === 200
}
const send = (room: SharedRoom, body: string, txnId = body) =>
  alice.request('PUT', `rooms/${encodeURIComponent(room.id)}/send/m.room.message/${encodeURIComponent(txnId)}`, {
    body: { msgtype: 'm.text', body },
  })
const signaturesOf = async (id: string) => {
  const [row] = await server.store.events.findByIds([id as BuiltEvent['eventId']])
  return (JSON.parse(row!.json) as Pdu).signatures
}

describe('the policy server that a room names', () => {
  it('signs what people of this server send, and each event once', async () => {
    const room = await guardedRoom()
    const ids = await Promise.all(
      ['one', 'two', 'three'].map(async (body) => (await send(room, body)).body['event_id']),
    )
    expect(new Set(ids).size).toBe(3)
    for (const id of ids) {
      const signatures = await signaturesOf(id as string)
      expect(Object.keys(signatures).sort()).toEqual(['guard.test', 'hearth.test'])
      expect(Object.keys(signatures[guard.name]!)).toEqual([keyId])
    }
    expect(asked.sort()).toEqual(['one', 'three', 'two'])
  })

  it('keeps back what it refuses, and nothing else', async () => {
    const room = await guardedRoom()
    answer = 'refuses'
    const refused = await send(room, 'buy now')
    expect([refused.status, refused.body['errcode'], refused.body['error']]).toEqual([
      403,
      'M_FORBIDDEN',
      'This is spam',
    ])
    answer = 'signs with another key'
    expect((await send(room, 'forged')).status).toBe(403)
    answer = 'signs'
    expect((await send(room, 'hello')).status).toBe(200)
  })

  it('that cannot be asked keeps all back but another policy', async () => {
    const room = await guardedRoom()
    answer = 'is down'
    expect((await send(room, 'hello')).status).toBe(502)
    await setPolicy(room.id, {})
    expect((await send(room, 'hello')).status).toBe(200)
  })

  it('has no say where nobody of it is in the room, or its key is none', async () => {
    const room = await guardedRoom({ withGuard: false })
    answer = 'refuses'
    expect((await send(room, 'hello')).status).toBe(200)
    const guarded = await guardedRoom()
    for (const keys of [undefined, {}, { ed25519: 'AAAA' }, { ed25519: 7 }]) {
      await setPolicy(guarded.id, { via: guard.name, ...(keys && { public_keys: keys }) })
      expect((await send(guarded, 'hello', JSON.stringify(keys) ?? 'none')).status).toBe(200)
    }
    expect(asked).toEqual([])
  })

  it('is not asked about events of other servers that it has signed', async () => {
    const room = await guardedRoom()
    const event = say(room, 'fine')
    const signatures = { ...event.pdu.signatures, [guard.name]: { [keyId]: signed(event.pdu, policyKey) } }
    await room.sendPdus({ ...event.pdu, signatures })
    expect([await isShown(room, event), asked]).toEqual([true, []])
  })

  it('is asked about those that it has not signed, or not rightly, which are shown if it signs them', async () => {
    const room = await guardedRoom()
    const [unsigned, forged] = [say(room, 'unsigned'), say(room, 'forged')]
    const signatures = { ...forged.pdu.signatures, [guard.name]: { [keyId]: signed(forged.pdu, otherKey) } }
    await room.sendPdus(unsigned.pdu, { ...forged.pdu, signatures })
    expect(await Promise.all([isShown(room, unsigned), isShown(room, forged)])).toEqual([true, true])
    expect(asked.sort()).toEqual(['forged', 'unsigned'])
    expect((await signaturesOf(forged.eventId))[guard.name]![keyId]).toBe(signed(forged.pdu, policyKey))
  })

  it('has those that it refuses shown to nobody, and what comes after them goes on', async () => {
    const room = await guardedRoom()
    answer = 'refuses'
    const spam = say(room, 'spam')
    const { results } = await room.sendPdus(spam.pdu)
    expect(Object.keys(results)).toEqual([spam.eventId])
    answer = 'signs'
    const fine = say(room, 'fine')
    await room.sendPdus(fine.pdu)
    expect(await Promise.all([isShown(room, spam), isShown(room, fine)])).toEqual([false, true])
    expect((await send(room, 'hello')).status).toBe(200)
  })

  it('has nobody’s signature but its own on the events of its users', async () => {
    const { id } = await guardedRoom()
    const ofGuard = await SharedRoom.join(id, server, guard, 'second')
    const event = say(ofGuard, 'forged')
    const own = event.pdu.signatures[guard.name]!
    const [onlyPolicy, both] = [
      { [keyId]: signed(event.pdu, policyKey) },
      { ...own, [keyId]: signed(event.pdu, policyKey) },
    ]
    await ofGuard.sendPdus({ ...event.pdu, signatures: { [guard.name]: onlyPolicy } })
    expect(await isShown(ofGuard, event)).toBe(false)
    await ofGuard.sendPdus({ ...event.pdu, signatures: { [guard.name]: both } })
    expect(await isShown(ofGuard, event)).toBe(true)
  })
})
