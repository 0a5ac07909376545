import type { BuiltEvent } from '@hearth/rooms'
import { FakeNetwork, FakePeer, ResidentPeer, TestCa, TestServer, type TestClient } from '@hearth/test-kit'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'

let ca: TestCa
let network: FakeNetwork
let peer: FakePeer
let other: FakePeer
let server: TestServer
let alice: TestClient

beforeAll(async () => {
  ca = await TestCa.create()
  network = new FakeNetwork()
  peer = await FakePeer.start({ ca, network, name: 'peer.test' })
  other = await FakePeer.start({ ca, network, name: 'other.test' })
  server = await TestServer.start({ network, settings: { HEARTH_NETWORK_CA_FILE: ca.caFile } })
  alice = await server.register('alice')
})

afterAll(async () => {
  await server.stop()
  for (const each of [peer, other]) await each[Symbol.asyncDispose]()
  await ca[Symbol.asyncDispose]()
})

const hearth = { name: 'hearth.test', url: '' }

/** A room of the peer into which it has invited alice. */
async function invited(): Promise<ResidentPeer> {
  const resident = new ResidentPeer(peer, '11', { joinRule: 'invite' })
  const { room } = resident
  const event = room.send(room.member(alice.userId, 'invite', { sender: room.create.pdu.sender }))
  const target = `/_matrix/federation/v2/invite/${encodeURIComponent(room.id)}/${encodeURIComponent(event.eventId)}`
  const body = { room_version: '11', event: event.pdu, invite_room_state: [room.create.pdu] }
  const answer = await peer.ask({ ...hearth, url: server.url }, 'PUT', target, body)
  expect(answer.status).toBe(200)
  expect((await alice.sync()).rooms!.invite).toHaveProperty([room.id])
  return resident
}

let transactions = 0

async function send(from: FakePeer, event: BuiltEvent): Promise<void> {
  const body = { origin: from.name, origin_server_ts: Date.now(), pdus: [event.pdu] }
  const target = `/_matrix/federation/v1/send/r${(transactions += 1)}`
  const answer = await from.ask({ ...hearth, url: server.url }, 'PUT', target, body)
  expect(answer.status).toBe(200)
}

describe('an invitation into a room elsewhere', () => {
  it('is gone when whoever sent it takes it back', async () => {
    const { room } = await invited()
    const since = (await alice.sync()).next_batch
    await send(peer, room.build(room.member(alice.userId, 'leave', { sender: room.create.pdu.sender })))
    const { rooms } = await alice.sync({ since })
    expect(rooms!.leave).toHaveProperty([room.id])
    expect((await alice.sync()).rooms?.invite ?? {}).not.toHaveProperty([room.id])
  })

  it('is not ended by a server that has nothing to do with it, nor in anybody else’s name', async () => {
    const { room } = await invited()
    room.keyOf('other.test')
    const stranger = room.build(room.member(alice.userId, 'leave', { sender: '@mallory:other.test' }))
    await send(other, stranger)
    const forged = room.build(room.member(alice.userId, 'leave', { sender: room.create.pdu.sender }), 'other.test')
    await send(peer, forged)
    expect((await alice.sync()).rooms!.invite).toHaveProperty([room.id])
  })

  it('can be accepted, and is then a room like any other', async () => {
    const { room } = await invited()
    await alice.join(room.id)
    const { rooms } = await alice.sync()
    expect(rooms!.join).toHaveProperty([room.id])
    expect(rooms!.invite ?? {}).not.toHaveProperty([room.id])
  })
})
