import { createHmac } from 'node:crypto'
import type { JsonObject } from '@hearth/protocol'
import { TestServer, type SyncedEvent, type TestClient } from '@hearth/test-kit'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { FoundingClient, roomPath } from '../legacy/founding-client.ts'

const turnPaths = ['voip/turnServer', '/_matrix/client/api/v1/voip/turnServer']

const invite = (callId: string): JsonObject => ({
  call_id: callId,
  version: 0,
  lifetime: 60_000,
  offer: { type: 'offer', sdp: 'v=0\r\no=- 6584580628695956864 2 IN IP4 127.0.0.1\r\ns=-\r\n' },
})
const candidates: JsonObject = {
  call_id: '12345',
  version: 0,
  candidates: [
    { sdpMid: 'audio', sdpMLineIndex: 0, candidate: 'candidate:863018703 1 udp 2122260223 10.9.64.156 43670' },
  ],
}
const answer: JsonObject = {
  call_id: '12345',
  version: 0,
  answer: { type: 'answer', sdp: 'v=0\r\no=- 6584580628695956864 2 IN IP4 127.0.0.1\r\n' },
}
const hangup: JsonObject = { call_id: '12345', version: 0 }

describe('calls', () => {
  let server: TestServer
  let alice: TestClient
  let bob: TestClient
  let room: string

  beforeAll(async () => {
    server = await TestServer.start()
    ;[alice, bob] = [await server.register('alice'), await server.register('bob')]
    room = await alice.createRoom({ preset: 'public_chat' })
    await bob.join(room)
  })

  afterAll(() => server.stop())

  const calls = (events: readonly SyncedEvent[]) => events.filter(({ type }) => type.startsWith('m.call.'))

  it('[E-050] [E-052] [E-054] [E-055] [E-056] [E-057] [E-058] [E-059] go through as they are sent, in their order', async () => {
    const since = await Promise.all([alice, bob].map(async (client) => (await client.sync()).next_batch))
    const sent: [TestClient, string, JsonObject][] = [
      [alice, 'm.call.invite', invite('12345')],
      [alice, 'm.call.candidates', candidates],
      [bob, 'm.call.answer', answer],
      [bob, 'm.call.candidates', candidates],
      [alice, 'm.call.hangup', hangup],
      [bob, 'm.call.hangup', hangup],
    ]
    for (const [client, type, content] of sent) await client.send(room, type, content)
    const expected = sent.map(([client, type, content]) => ({ sender: client.userId, type, content }))
    for (const [index, client] of [alice, bob].entries()) {
      const { rooms } = await client.sync({ since: since[index] })
      const seen = calls(rooms!.join![room]!.timeline.events)
      expect(seen.map(({ sender, type, content }) => ({ sender, type, content }))).toEqual(expected)
    }
  })

  it('[E-050] [E-052] through the founding API are the same', async () => {
    const [carol, dave] = [
      await FoundingClient.register(server, 'carol'),
      await FoundingClient.register(server, 'dave'),
    ]
    const founding = await carol.createRoom({ visibility: 'public' })
    await dave.join(founding)
    const from = await dave.now()
    await carol.put(roomPath(founding, 'send', 'm.call.invite', 'txn1'), invite('abc'))
    await carol.post(roomPath(founding, 'send', 'm.call.candidates'), candidates)
    const { chunk } = await dave.events({ from })
    expect(chunk.map(({ type, content }) => [type, content])).toEqual([
      ['m.call.invite', invite('abc')],
      ['m.call.candidates', candidates],
    ])
  })

  it('[E-051] are not kept out of rooms with more than two', async () => {
    const carol = await server.register('carol2')
    await carol.join(room)
    await alice.send(room, 'm.call.invite', invite('three'))
    const { rooms } = await carol.sync()
    expect(calls(rooms!.join![room]!.timeline.events).at(-1)!.content['call_id']).toBe('three')
    await carol.leave(room)
  })

  it('[E-053] say how old they are, in both APIs', async () => {
    const founding = await FoundingClient.register(server, 'erin')
    await founding.join(room)
    const eventId = await alice.send(room, 'm.call.invite', invite('aging'))
    const { rooms } = await bob.sync()
    const seen = calls(rooms!.join![room]!.timeline.events).at(-1)!
    expect(seen.unsigned!['age']).toBeGreaterThanOrEqual(0)
    const old = (await founding.messages(room, { dir: 'b', limit: 1 })).chunk[0]!
    expect(old.event_id).toBe(eventId)
    expect(old['age']).toBeGreaterThanOrEqual(0)
  })

  it('[E-060] [X-16] of the name in the diagrams go through as well', async () => {
    const { next_batch: since } = await bob.sync()
    await alice.send(room, 'm.call.candidate', candidates)
    const { rooms } = await bob.sync({ since })
    expect(calls(rooms!.join![room]!.timeline.events).map(({ type }) => type)).toEqual(['m.call.candidate'])
  })

  it('[E-061] ring at once for whoever waits', async () => {
    const { next_batch: since } = await bob.sync()
    const waiting = bob.sync({ since, timeout: 30_000 })
    await alice.send(room, 'm.call.invite', invite('ring'))
    expect(calls((await waiting).rooms!.join![room]!.timeline.events)).toHaveLength(1)
  })

  it('[E-062] that cross are seen by both sides, unchanged', async () => {
    const since = await Promise.all([alice, bob].map(async (client) => (await client.sync()).next_batch))
    await Promise.all([alice.send(room, 'm.call.invite', invite('a')), bob.send(room, 'm.call.invite', invite('b'))])
    for (const [index, client] of [alice, bob].entries()) {
      const { rooms } = await client.sync({ since: since[index] })
      const ids = calls(rooms!.join![room]!.timeline.events).map(({ content }) => content['call_id'] as string)
      expect(ids.sort()).toEqual(['a', 'b'])
    }
  })

  it('have no TURN servers where none are configured', async () => {
    for (const path of turnPaths) expect(await alice.get(path)).toEqual({})
  })
})

describe('TURN servers', () => {
  const uris = ['turn:turn.example.org?transport=udp', 'turns:turn.example.org']
  const secret = 'the secret of the TURN servers'
  let server: TestServer
  let alice: TestClient

  beforeAll(async () => {
    server = await TestServer.start({
      settings: { HEARTH_TURN_URIS: uris.join(','), HEARTH_TURN_SHARED_SECRET: secret },
    })
    alice = await server.register('alice')
  })

  afterAll(() => server.stop())

  it('[H-34] are told with a password that they can check', async () => {
    for (const path of turnPaths) {
      const access = (await alice.get(path)) as { username: string; password: string; uris: string[]; ttl: number }
      expect(access.uris).toEqual(uris)
      expect(access.ttl).toBe(86_400)
      const [, expiry] = /^(\d+):@alice:hearth\.test$/.exec(access.username)!
      expect(Number(expiry) - Date.now() / 1_000).toBeGreaterThan(86_000)
      expect(access.password).toBe(createHmac('sha1', secret).update(access.username).digest('base64'))
    }
  })

  it('are told to users only', async () => {
    for (const path of turnPaths) {
      const refused = await server.anonymous.request('GET', path)
      expect([refused.status, refused.body['errcode']]).toEqual([401, 'M_MISSING_TOKEN'])
    }
  })
})
