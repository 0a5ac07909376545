import { isJsonObject, type JsonObject } from '@hearth/protocol'
import { FakeNetwork, FakePeer, TestCa, TestServer, type TestClient } from '@hearth/test-kit'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { setRemoteMembers } from './remote-member.ts'

const sendPath = /^\/_matrix\/federation\/v1\/send\//

interface Sent {
  readonly txnId: string
  readonly body: JsonObject
  readonly pdus: readonly JsonObject[]
  readonly edus: readonly JsonObject[]
}

function transactionsOf(peer: FakePeer): Sent[] {
  return peer.requestsTo(sendPath).map(({ path, body }) => ({
    txnId: path.slice(path.lastIndexOf('/') + 1),
    body,
    pdus: (body['pdus'] as JsonObject[] | undefined) ?? [],
    edus: (body['edus'] as JsonObject[] | undefined) ?? [],
  }))
}

function textsOf(peer: FakePeer): unknown[] {
  return transactionsOf(peer)
    .flatMap(({ pdus }) => pdus)
    .flatMap(({ content }) => (isJsonObject(content) && content['body'] !== undefined ? [content['body']] : []))
}

function edusOf(peer: FakePeer, type: string): unknown[] {
  return transactionsOf(peer)
    .flatMap(({ edus }) => edus)
    .flatMap(({ edu_type: eduType, content }) => (eduType === type ? [content] : []))
}

/** Lets requests wait until it is opened. */
function gate(): { readonly opened: Promise<void>; readonly open: () => void } {
  const { promise, resolve } = Promise.withResolvers<void>()
  return { opened: promise, open: resolve }
}

describe('what is sent to other servers', () => {
  let ca: TestCa
  let network: FakeNetwork
  let server: TestServer
  let alice: TestClient
  let count = 0
  let roomId: string
  const peers: FakePeer[] = []

  const startPeer = async (name = `peer${(count += 1)}.test`) => {
    const peer = await FakePeer.start({ ca, network, name })
    peers.push(peer)
    return peer
  }
  const soon = (look: () => unknown) => expect.poll(look, { timeout: 60_000, interval: 20 })

  beforeAll(async () => {
    ca = await TestCa.create()
    network = new FakeNetwork()
    server = await TestServer.start({ network, settings: { HEARTH_NETWORK_CA_FILE: ca.caFile } })
  })
  afterAll(async () => {
    await server.stop()
    await Promise.all(peers.map((peer) => peer[Symbol.asyncDispose]()))
    await ca[Symbol.asyncDispose]()
  })
  beforeEach(async () => {
    alice = await server.register(`alice${(count += 1)}`)
    roomId = await alice.createRoom({ preset: 'public_chat' })
  })

  describe('of events', () => {
    it('is each of ours, to every server in the room, whole and as it was signed', async () => {
      const [first, second] = [await startPeer(), await startPeer()]
      const outsider = await startPeer()
      await setRemoteMembers(server.store, roomId, [`@bob:${first.name}`, `@carol:${second.name}`])
      const eventId = await alice.sendText(roomId, 'hello')
      for (const peer of [first, second]) {
        await soon(() => textsOf(peer)).toEqual(['hello'])
        const [{ body, pdus }] = transactionsOf(peer) as [Sent]
        expect(body).toMatchObject({ origin: 'hearth.test', edus: [] })
        expect(pdus).toHaveLength(1)
        const row = (await server.store.events.findByIds([eventId as never]))[0]!
        expect(pdus[0]).toEqual(JSON.parse(row.json))
      }
      expect(outsider.requests).toEqual([])
    })

    it('is the first at once, and what comes until that is taken together, in order and at most fifty', async () => {
      const peer = await startPeer()
      const { opened, open } = gate()
      let isFirst = true
      peer.on('PUT', sendPath, async () => {
        if (isFirst) {
          isFirst = false
          await opened
        }
        return { pdus: {} }
      })
      await setRemoteMembers(server.store, roomId, [`@bob:${peer.name}`])
      await alice.sendText(roomId, '0')
      await soon(() => textsOf(peer)).toEqual(['0'])
      for (let n = 1; n <= 60; n += 1) await alice.sendText(roomId, `${n}`)
      expect(transactionsOf(peer)).toHaveLength(1)
      open()
      await soon(() => textsOf(peer)).toHaveLength(61)
      expect(textsOf(peer)).toEqual(Array.from({ length: 61 }, (_, n) => `${n}`))
      expect(transactionsOf(peer).map(({ pdus }) => pdus.length)).toEqual([1, 50, 10])
      expect(new Set(transactionsOf(peer).map(({ txnId }) => txnId)).size).toBe(3)
    })

    it('is what takes a server out of a room as well, but nothing after it, and of an invitation nothing', async () => {
      const [kicked, banned, left, invited, staying] = [
        await startPeer(),
        await startPeer(),
        await startPeer(),
        await startPeer(),
        await startPeer(),
      ]
      const bob = (peer: FakePeer) => `@bob:${peer.name}`
      await setRemoteMembers(server.store, roomId, [kicked, banned, left, staying].map(bob))
      await alice.sendText(roomId, 'here they are')
      await setRemoteMembers(server.store, roomId, [bob(invited)], 'invite', { outgoing: true })
      await alice.post(`rooms/${encodeURIComponent(roomId)}/kick`, { user_id: bob(kicked) })
      await alice.post(`rooms/${encodeURIComponent(roomId)}/ban`, { user_id: bob(banned) })
      await setRemoteMembers(server.store, roomId, [bob(left)], 'leave')
      await alice.sendText(roomId, 'they are gone')
      const memberships = (peer: FakePeer) =>
        transactionsOf(peer)
          .flatMap(({ pdus }) => pdus)
          .map(({ type, content }) => (content as JsonObject)['membership'] ?? type)
      const begin = ['m.room.message', 'invite']
      await soon(() => memberships(staying)).toEqual([...begin, 'leave', 'ban', 'm.room.message'])
      await soon(() => memberships(kicked)).toEqual([...begin, 'leave'])
      await soon(() => memberships(banned)).toEqual([...begin, 'leave', 'ban'])
      expect(memberships(left)).toEqual([...begin, 'leave', 'ban'])
      expect(invited.requests).toEqual([])
    })

    it('is sent on when it was made for another server, but not to that', async () => {
      const [origin, other] = [await startPeer(), await startPeer()]
      await setRemoteMembers(server.store, roomId, [`@bob:${origin.name}`, `@carol:${other.name}`])
      await setRemoteMembers(server.store, roomId, [`@dan:${origin.name}`], 'join', { outgoing: true })
      await alice.sendText(roomId, 'welcome')
      const senders = (peer: FakePeer) =>
        transactionsOf(peer)
          .flatMap(({ pdus }) => pdus)
          .map(({ sender }) => sender)
      await soon(() => senders(other)).toEqual([`@dan:${origin.name}`, alice.userId])
      await soon(() => senders(origin)).toEqual([alice.userId])
    })
  })

  describe('after a server was away', () => {
    const bringBack = async (peer: FakePeer) => {
      peer.on('PUT', sendPath, () => ({ pdus: {} }))
      // It asks us something, so that it is not waited for any longer.
      await peer.ask(
        { url: server.url, name: 'hearth.test' },
        'GET',
        '/_matrix/federation/v1/query/profile?user_id=%40x%3Ahearth.test',
      )
    }
    const breakDown = (peer: FakePeer) => peer.on('PUT', sendPath, () => [502, {}] as const)

    it('is all that it missed, in order and once, as soon as it is heard from', async () => {
      const peer = await startPeer()
      await setRemoteMembers(server.store, roomId, [`@bob:${peer.name}`])
      breakDown(peer)
      await alice.sendText(roomId, '0')
      await soon(() => transactionsOf(peer).length).toBeGreaterThan(0)
      for (let n = 1; n < 70; n += 1) await alice.sendText(roomId, `${n}`)
      const before = transactionsOf(peer).length
      await bringBack(peer)
      await soon(() =>
        transactionsOf(peer)
          .slice(before)
          .flatMap(({ pdus }) => pdus),
      ).toHaveLength(70)
      const bodies = transactionsOf(peer)
        .slice(before)
        .flatMap(({ pdus }) => pdus.map(({ content }) => (content as JsonObject)['body']))
      expect(bodies).toEqual(Array.from({ length: 70 }, (_, n) => `${n}`))
      await alice.sendText(roomId, 'live again')
      await soon(() => textsOf(peer).at(-1)).toBe('live again')
    })

    it('is everything if that was within the hour, else of a room of which it missed much the last one', async () => {
      for (const [since, expected] of [
        ['behind_ts', ['quiet 1', ...Array.from({ length: 120 }, (_, n) => `busy ${n}`), 'quiet 2']],
        ['behind_ts - 3600000', ['quiet 1', 'busy 119', 'quiet 2']],
      ] as const) {
        const peer = await startPeer()
        const [busy, quiet] = [await alice.createRoom(), await alice.createRoom()]
        for (const id of [busy, quiet]) await setRemoteMembers(server.store, id, [`@bob:${peer.name}`])
        breakDown(peer)
        await alice.sendText(quiet, 'quiet 1')
        await soon(() => transactionsOf(peer).length).toBeGreaterThan(0)
        for (let n = 0; n < 120; n += 1) await alice.sendText(busy, `busy ${n}`)
        await alice.sendText(quiet, 'quiet 2')
        await soon(() => server.store.fedDestinations.listBehind()).toHaveLength(1)
        await server.store.database.execute(
          null,
          `update fed_dest set behind_ts = ${since} where behind_pos is not null`,
        )
        await server.restart()
        const before = textsOf(peer).length
        await bringBack(peer)
        const isRetry = (text: unknown) => text !== 'quiet 1'
        await soon(() => textsOf(peer).slice(before).filter(isRetry)).toEqual(expected.filter(isRetry))
        await soon(() => server.store.fedDestinations.listBehind()).toEqual([])
      }
    })

    it('is who of its users was removed, though others of them came and went since', async () => {
      const peer = await startPeer()
      const [bob, carol] = [`@bob:${peer.name}`, `@carol:${peer.name}`]
      await setRemoteMembers(server.store, roomId, [bob])
      breakDown(peer)
      await alice.sendText(roomId, 'before')
      await soon(() => transactionsOf(peer).length).toBeGreaterThan(0)
      await alice.post(`rooms/${encodeURIComponent(roomId)}/kick`, { user_id: bob })
      await alice.sendText(roomId, 'between')
      await setRemoteMembers(server.store, roomId, [carol])
      await alice.sendText(roomId, 'inside')
      await setRemoteMembers(server.store, roomId, [carol], 'leave')
      await alice.sendText(roomId, 'after')
      const before = transactionsOf(peer).length
      await bringBack(peer)
      const told = () =>
        transactionsOf(peer)
          .slice(before)
          .flatMap(({ pdus }) => pdus.map(({ state_key: key, content }) => key ?? (content as JsonObject)['body']))
          .filter((what) => what !== 'before')
      await soon(told).toEqual([bob, 'inside'])
      const other = await alice.createRoom()
      await setRemoteMembers(server.store, other, [bob])
      await alice.sendText(other, 'elsewhere')
      await soon(told).toEqual([bob, 'inside', 'elsewhere'])
    })

    it('survives a restart, with the same transaction id when it is sent again', async () => {
      const peer = await startPeer()
      await setRemoteMembers(server.store, roomId, [`@bob:${peer.name}`])
      breakDown(peer)
      await alice.sendText(roomId, 'first')
      await soon(() => transactionsOf(peer).length).toBeGreaterThan(0)
      await server.restart()
      await bringBack(peer)
      await soon(() => textsOf(peer).length).toBeGreaterThan(1)
      const ids = transactionsOf(peer).map(({ txnId }) => txnId)
      expect(new Set(ids).size).toBe(1)
    })

    it('is sent again after a crash, with the same transaction id, where it was not written down', async () => {
      const peer = await startPeer()
      await setRemoteMembers(server.store, roomId, [`@bob:${peer.name}`])
      const lease = (until: string) =>
        server.store.database.execute(null, `update leases set holder = gen_random_uuid(), until_ts = ${until}`)
      // What the process writes down from here on does not count, as if it had died.
      await lease('9e15')
      await alice.sendText(roomId, 'hello')
      await soon(() => textsOf(peer)).toEqual(['hello'])
      await server.restart()
      await lease('0')
      await soon(() => textsOf(peer)).toEqual(['hello', 'hello'])
      const [first, second] = transactionsOf(peer) as [Sent, Sent]
      expect(second.txnId).toBe(first.txnId)
    })

    it('leaves out the event that it does not take, after it has refused it alone three times', async () => {
      const peer = await startPeer()
      await setRemoteMembers(server.store, roomId, [`@bob:${peer.name}`])
      peer.on('PUT', sendPath, ({ text }) =>
        text.includes('poison') ? ([400, { errcode: 'M_BAD_JSON' }] as const) : { pdus: {} },
      )
      const taken = () =>
        transactionsOf(peer)
          .filter(({ body }) => !JSON.stringify(body).includes('poison'))
          .flatMap(({ pdus }) => pdus.map(({ content }) => (content as JsonObject)['body']))
      await alice.sendText(roomId, 'poison')
      await alice.sendText(roomId, 'fine')
      await soon(() => taken()).toEqual(['fine'])
    })
  })

  describe('besides events', () => {
    it('is who types, and who stops', async () => {
      const peer = await startPeer()
      await setRemoteMembers(server.store, roomId, [`@bob:${peer.name}`])
      const typing = (isTyping: boolean) =>
        alice.put(`rooms/${encodeURIComponent(roomId)}/typing/${encodeURIComponent(alice.userId)}`, {
          typing: isTyping,
          ...(isTyping && { timeout: 30_000 }),
        })
      await typing(true)
      const edu = (isTyping: boolean) => ({ room_id: roomId, user_id: alice.userId, typing: isTyping })
      await soon(() => edusOf(peer, 'm.typing')).toEqual([edu(true)])
      await typing(false)
      await soon(() => edusOf(peer, 'm.typing')).toEqual([edu(true), edu(false)])
      await typing(true)
      await soon(() => edusOf(peer, 'm.typing')).toHaveLength(3)
      expect(new Set(transactionsOf(peer).map(({ txnId }) => txnId)).size).toBe(3)
    })

    it('is how far people have read, but for what they keep to themselves', async () => {
      const peer = await startPeer()
      await setRemoteMembers(server.store, roomId, [`@bob:${peer.name}`])
      const [first, second] = [await alice.sendText(roomId, '1'), await alice.sendText(roomId, '2')]
      const read = (type: string, eventId: string, body: JsonObject = {}) =>
        alice.post(`rooms/${encodeURIComponent(roomId)}/receipt/${type}/${encodeURIComponent(eventId)}`, body)
      await read('m.read', first)
      await read('m.read.private', second)
      await read('m.read', second, { thread_id: 'main' })
      const seen = () =>
        edusOf(peer, 'm.receipt').flatMap((content) => {
          const room = (content as Record<string, JsonObject>)[roomId] as Record<string, Record<string, JsonObject>>
          const { event_ids: eventIds, data } = room['m.read']![alice.userId]!
          return [[eventIds, (data as JsonObject)['thread_id']]]
        })
      await soon(() => seen()).toHaveLength(2)
      expect(seen()).toEqual(
        expect.arrayContaining([
          [[first], undefined],
          [[second], 'main'],
        ]),
      )
      expect(JSON.stringify(transactionsOf(peer))).not.toContain('private')
    })

    it('is who is there, to servers that share a room', async () => {
      const [peer, other] = [await startPeer(), await startPeer()]
      await setRemoteMembers(server.store, roomId, [`@bob:${peer.name}`])
      const put = (presence: string, statusMsg?: string) =>
        alice.put(`presence/${encodeURIComponent(alice.userId)}/status`, {
          presence,
          ...(statusMsg !== undefined && { status_msg: statusMsg }),
        })
      await put('online', 'here')
      await soon(() => edusOf(peer, 'm.presence').at(-1)).toMatchObject({
        push: [{ user_id: alice.userId, presence: 'online', status_msg: 'here' }],
      })
      await put('offline')
      await soon(() => edusOf(peer, 'm.presence').at(-1)).toMatchObject({
        push: [{ user_id: alice.userId, presence: 'offline' }],
      })
      expect(other.requests).toEqual([])
    })

    it('are messages to devices, kept until they are taken, and taken once', async () => {
      const peer = await startPeer()
      peer.on('PUT', sendPath, () => [502, {}] as const)
      const messages = { [`@bob:${peer.name}`]: { PHONE: { n: 1 } } }
      await alice.put('sendToDevice/com.example.test/one', { messages })
      await soon(() => edusOf(peer, 'm.direct_to_device')).toHaveLength(1)
      await server.restart()
      peer.on('PUT', sendPath, () => ({ pdus: {} }))
      await peer.ask(
        { url: server.url, name: 'hearth.test' },
        'GET',
        '/_matrix/federation/v1/query/profile?user_id=%40x%3Ahearth.test',
      )
      await soon(() => edusOf(peer, 'm.direct_to_device').length).toBeGreaterThan(1)
      const contents = edusOf(peer, 'm.direct_to_device') as JsonObject[]
      expect(contents[0]).toMatchObject({ sender: alice.userId, type: 'com.example.test', messages })
      expect(new Set(contents.map((content) => content['message_id'])).size).toBe(1)
      const serverNid = (await server.store.servers.find(peer.name))!
      await soon(() => server.store.fedOutbox.list(serverNid, 10, 1_000)).toEqual([])
    })
  })
})
