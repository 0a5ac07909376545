import type { EventId, JsonObject, RoomId, ServerName, UserId } from '@hearth/protocol'
import { wellKnownTypes, type NewEvent } from '@hearth/store'
import { statementsOf, type TestClient } from '@hearth/test-kit'
import { randomBytes } from 'node:crypto'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { FederatedServer } from './fixtures/federated-server.ts'
import type { PeerUser } from './fixtures/peer-user.ts'

const memberCount = 10_000

/** Makes users of many servers members of a room, without the checks that cost the time. */
async function fill({ server: { store } }: FederatedServer, roomId: string): Promise<void> {
  const room = (await store.rooms.find(roomId as RoomId))!
  const current = await store.currentState.listByTypes([room.nid], Object.values(wellKnownTypes))
  const auth = current.filter(({ typeNid }) => ([1, 3, 4] as number[]).includes(typeNid)).map(({ nid }) => nid)
  const userIds = Array.from({ length: memberCount }, (_, n) => `@user${n}:server${n % 100}.test` as UserId)
  const [users, keys, servers] = [
    await store.users.internAll(userIds),
    await store.stateKeys.internAll(userIds),
    await store.servers.internAll(Array.from({ length: 100 }, (_, n) => `server${n}.test` as ServerName)),
  ]
  for (let start = 0; start < memberCount; start += 500) {
    const events = userIds.slice(start, start + 500).map((userId, index): NewEvent => {
      const eventId = `$${randomBytes(32).toString('base64url')}` as EventId
      const userNid = users.get(userId)!
      const content = { displayname: userId, membership: 'join' }
      const pdu: JsonObject = {
        auth_events: [],
        content,
        depth: 10 + start + index,
        hashes: { sha256: '' },
        origin_server_ts: 1,
        prev_events: [],
        room_id: roomId,
        sender: userId,
        signatures: {},
        state_key: userId,
        type: 'm.room.member',
      }
      return {
        eventId,
        json: JSON.stringify(pdu),
        typeNid: wellKnownTypes['m.room.member'],
        stateKeyNid: keys.get(userId)!,
        senderNid: userNid,
        depth: 10 + start + index,
        ts: 1,
        flags: 0,
        auth,
        membership: {
          userNid,
          serverNid: servers.get(userId.slice(userId.indexOf(':') + 1) as ServerName)!,
          local: false,
          membership: 'join',
          previous: null,
        },
      }
    })
    const { lastPos: expectedPos, stateNid } = (await store.roomHeads.find(room.nid))!
    await store.persister.commit({ roomNid: room.nid, expectedPos, stateNid, events, extremities: [-events.length] })
  }
}

describe(`a room of ${memberCount} members`, () => {
  let hearth: FederatedServer
  let alice: TestClient
  let bob: PeerUser
  let roomId: string

  beforeAll(async () => {
    hearth = await FederatedServer.start()
    alice = await hearth.register('alice')
    bob = await hearth.peerUser()
    roomId = await alice.createRoom({ preset: 'public_chat', room_version: '10' })
    await fill(hearth, roomId)
    // What was written past the server is not in its memory.
    await hearth.server.restart()
    alice = alice.following(() => hearth.server.url)
  }, 120_000)

  afterAll(() => hearth[Symbol.asyncDispose]())

  const enc = encodeURIComponent

  /** Waits until the server does nothing of itself any more, such as telling others of what it has just done. */
  async function quiet(): Promise<void> {
    const pause = () => new Promise((resolve) => setTimeout(resolve, 300))
    await expect.poll(() => statementsOf(hearth.server, pause)).toEqual([])
  }

  it('is told with few statements', async () => {
    const { event, state } = await bob.join(roomId)
    expect(state).toHaveLength(memberCount + 5)
    const sent = await alice.sendText(roomId, 'hello')
    let ids: JsonObject = {}
    const path = (endpoint: string) => `${endpoint}/${enc(roomId)}?event_id=${enc(sent)}`
    const ask = async () => (ids = (await bob.get(path('state_ids'))).body)
    const reading = ['roomServers.find', 'events.findByIds', ...Array.from({ length: 3 }, () => 'events.findIds')]
    await quiet()
    expect(await statementsOf(hearth.server, ask)).toEqual(reading)
    expect(ids['pdu_ids']).toHaveLength(memberCount + 6)
    expect(new Set(ids['pdu_ids'] as string[])).toContain(event.eventId)
    await hearth.server.restart()
    await quiet()
    const cold = await statementsOf(hearth.server, ask)
    expect(ids['pdu_ids']).toHaveLength(memberCount + 6)
    expect(cold.length).toBeLessThanOrEqual(16)
  })

  it('is told whole while it is read', async () => {
    const sent = await alice.sendText(roomId, 'hello')
    const whole = await bob.get(`state/${enc(roomId)}?event_id=${enc(sent)}`)
    expect(whole.body['pdus']).toHaveLength(memberCount + 6)
    expect(whole.headers.get('content-length')).toBeNull()
  })
})
