import type { JsonObject } from '@hearth/protocol'
import { FakeNetwork, TestServer, type TestClient } from '@hearth/test-kit'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'

interface HierarchyRoom extends JsonObject {
  room_id: string
  children_state: { state_key: string; content: JsonObject }[]
}

interface Page {
  readonly rooms: HierarchyRoom[]
  readonly next_batch?: string
}

describe('GET /rooms/{roomId}/hierarchy', () => {
  let server: TestServer
  let alice: TestClient
  let bob: TestClient

  beforeAll(async () => {
    server = await TestServer.start({ network: new FakeNetwork() })
    alice = await server.register('alice')
    bob = await server.register('bob')
  })
  afterAll(() => server.stop())

  type Query = Record<string, string | number | boolean>
  const path = (roomId: string): string => `/_matrix/client/v1/rooms/${encodeURIComponent(roomId)}/hierarchy`
  const request = (client: TestClient, roomId: string, query: Query = {}) =>
    client.request('GET', path(roomId), { query })
  const walk = (client: TestClient, roomId: string, query: Query = {}): Promise<Page> =>
    client.get(path(roomId), query) as unknown as Promise<Page>
  const idsOf = ({ rooms }: Page): string[] => rooms.map((room) => room.room_id)
  const space = (options: JsonObject = {}): Promise<string> =>
    alice.createRoom({ preset: 'public_chat', creation_content: { type: 'm.space' }, ...options })
  const room = (options: JsonObject = {}): Promise<string> => alice.createRoom({ preset: 'public_chat', ...options })
  const add = (parent: string, child: string, content: JsonObject = {}): Promise<string> =>
    alice.setState(parent, 'm.space.child', { via: ['hearth.test'], ...content }, child)

  it('shows a space, its rooms, and what they are', async () => {
    const root = await space({ name: 'Root', room_alias_name: 'root', topic: 'All of it' })
    const child = await room({ name: 'Child' })
    await add(root, child, { suggested: true, order: 'a' })
    const { rooms, next_batch: next } = await walk(bob, root)
    expect(next).toBeUndefined()
    expect(rooms[0]).toEqual({
      room_id: root,
      name: 'Root',
      topic: 'All of it',
      canonical_alias: '#root:hearth.test',
      num_joined_members: 1,
      world_readable: false,
      guest_can_join: false,
      join_rule: 'public',
      room_type: 'm.space',
      room_version: '12',
      children_state: [
        {
          type: 'm.space.child',
          state_key: child,
          sender: alice.userId,
          origin_server_ts: expect.any(Number) as number,
          content: { via: ['hearth.test'], suggested: true, order: 'a' },
        },
      ],
    })
    expect(rooms[1]).toMatchObject({ room_id: child, name: 'Child', children_state: [] })
  })

  it('goes through the children in their order, and depth first', async () => {
    const root = await space()
    const [plainFirst, plainSecond, b, a] = [await room(), await room(), await room(), await space()]
    const [below, odd] = [await room(), await room()]
    await add(root, plainFirst)
    await add(root, plainSecond, { order: 'tab\tis no order' })
    await add(root, odd, { order: 'x'.repeat(51) })
    await add(root, b, { order: 'b' })
    await add(root, a, { order: ' ' })
    await add(a, below)
    expect(idsOf(await walk(alice, root))).toEqual([root, a, below, b, plainFirst, plainSecond, odd])
  })

  it('orders children of the same order by their time', async () => {
    const root = await space()
    const rooms = [await room(), await room(), await room()]
    for (const child of rooms) await add(root, child, { order: 'same' })
    expect(idsOf(await walk(alice, root))).toEqual([root, ...rooms])
  })

  it('passes over children that were taken away, and what names none', async () => {
    const root = await space()
    const [gone, kept] = [await room(), await room()]
    await add(root, gone)
    await add(root, kept)
    await alice.setState(root, 'm.space.child', {}, gone)
    await alice.setState(root, 'm.space.child', { via: 'hearth.test' }, await room())
    await alice.setState(root, 'm.space.child', { via: [] }, await room())
    await alice.setState(root, 'm.space.child', { via: [7] }, await room())
    await alice.setState(root, 'm.space.child', { via: ['hearth.test'] }, 'no room id')
    await alice.setState(root, 'm.space.child', { via: ['hearth.test'] }, '!unknown:hearth.test')
    await alice.setState(root, 'm.space.child', { via: ['x'.repeat(20_000)] }, await room())
    const { rooms } = await walk(alice, root)
    expect(rooms.map((each) => each.room_id)).toEqual([root, kept])
    expect(rooms[0]!.children_state.map((child) => child.state_key)).toEqual([kept, '!unknown:hearth.test'])
  })

  it('takes the children of a room that is no space for nothing', async () => {
    const root = await room()
    await add(root, await room())
    expect((await walk(alice, root)).rooms).toEqual([expect.objectContaining({ room_id: root, children_state: [] })])
  })

  it('keeps to what is suggested, if that is all that is asked for', async () => {
    const root = await space()
    const [suggested, other, nested] = [await space(), await space(), await room()]
    await add(root, suggested, { suggested: true })
    await add(root, other, { suggested: false })
    await add(suggested, nested)
    const { rooms } = await walk(alice, root, { suggested_only: true })
    expect(rooms.map((each) => each.room_id)).toEqual([root, suggested])
    expect(rooms.map((each) => each.children_state.length)).toEqual([1, 0])
  })

  it('goes as deep as is asked for', async () => {
    const root = await space()
    const [middle, leaf] = [await space(), await room()]
    await add(root, middle)
    await add(middle, leaf)
    const { rooms } = await walk(alice, root, { max_depth: 0 })
    expect(rooms.map((each) => [each.room_id, each.children_state.length])).toEqual([[root, 1]])
    expect(idsOf(await walk(alice, root, { max_depth: 1 }))).toEqual([root, middle])
    expect(idsOf(await walk(alice, root, { max_depth: Number.MAX_SAFE_INTEGER }))).toEqual([root, middle, leaf])
  })

  it('gives each room once, in a space that contains itself and another that contains it', async () => {
    const root = await space()
    const [other, leaf] = [await space(), await room()]
    await add(root, root)
    await add(root, other)
    await add(root, leaf)
    await add(other, root)
    await add(other, leaf)
    const { rooms, next_batch: next } = await walk(alice, root)
    expect(rooms.map((each) => each.room_id)).toEqual([root, other, leaf])
    expect(next).toBeUndefined()
    expect(rooms[0]!.children_state.map((child) => child.state_key)).toEqual([root, other, leaf])
  })

  describe('who sees which rooms', () => {
    const restricted = (allowed: string): JsonObject => ({
      preset: 'private_chat',
      initial_state: [
        {
          type: 'm.room.join_rules',
          content: { join_rule: 'restricted', allow: [{ type: 'm.room_membership', room_id: allowed }] },
        },
      ],
    })
    const ruled = (joinRule: string, extra: JsonObject = {}): JsonObject => ({
      preset: 'private_chat',
      initial_state: [{ type: 'm.room.join_rules', content: { join_rule: joinRule } }],
      ...extra,
    })

    it('shows what may be joined, knocked at or read, and to members what they are in', async () => {
      const root = await space()
      const children = {
        public: await room(),
        knock: await room(ruled('knock')),
        knockRestricted: await room(ruled('knock_restricted')),
        private: await room({ preset: 'private_chat' }),
        restricted: await room(restricted(root)),
        knockBeforeVersion7: await room(ruled('knock', { room_version: '6' })),
        worldReadable: await room({
          preset: 'private_chat',
          initial_state: [{ type: 'm.room.history_visibility', content: { history_visibility: 'world_readable' } }],
        }),
        invited: await room({ preset: 'private_chat', invite: [bob.userId] }),
      }
      for (const child of Object.values(children)) await add(root, child)
      const seen = async (client: TestClient) => {
        const ids = new Set(idsOf(await walk(client, root)))
        return Object.entries(children).flatMap(([kind, id]) => (ids.has(id) ? [kind] : []))
      }
      expect(await seen(alice)).toEqual(Object.keys(children))
      expect(await seen(bob)).toEqual(['public', 'knock', 'knockRestricted', 'worldReadable', 'invited'])
      await bob.join(root)
      expect(await seen(bob)).toEqual(['public', 'knock', 'knockRestricted', 'restricted', 'worldReadable', 'invited'])
      const { rooms } = await walk(bob, root)
      expect(rooms.find((each) => each.room_id === children.restricted)).toMatchObject({
        join_rule: 'restricted',
        allowed_room_ids: [root],
      })
    })

    it('[SEC-24] [S-43] shows nothing of a private space, nor of private rooms in a public one', async () => {
      const hidden = await space({ preset: 'private_chat', name: 'Hidden plans' })
      const answer = await request(bob, hidden)
      expect(answer).toMatchObject({ status: 403, body: { errcode: 'M_FORBIDDEN' } })
      expect(answer.text).not.toContain('Hidden')
      expect(await request(bob, '!unknown:hearth.test')).toMatchObject({ status: 403, body: answer.body })
      const root = await space()
      const deeper = await room()
      await add(hidden, deeper)
      await add(root, hidden)
      expect(idsOf(await walk(bob, root))).toEqual([root])
    })

    it('shows no public room to those who are banned from it', async () => {
      const root = await space()
      await alice.post(`rooms/${encodeURIComponent(root)}/ban`, { user_id: bob.userId })
      expect((await request(bob, root)).status).toBe(403)
    })
  })

  describe('page by page', () => {
    let root: string
    let all: string[]

    beforeAll(async () => {
      root = await space()
      const nested = await space()
      const [first, second, third] = [await room(), await room(), await room()]
      const hidden = await room({ preset: 'private_chat' })
      await add(root, first)
      await add(root, hidden)
      await add(root, nested)
      await add(nested, second)
      await add(nested, first)
      await add(root, third)
      all = [root, first, nested, second, third]
    })

    it.each([1, 2, 3, 4, 5])('gives every room once in pages of %i', async (limit) => {
      const pages: string[][] = []
      let from: string | undefined
      do {
        const page: Page = await walk(bob, root, { limit, ...(from !== undefined && { from }) })
        pages.push(idsOf(page))
        from = page.next_batch
      } while (from !== undefined)
      expect(pages.flat()).toEqual(all)
      expect(pages.every((page) => page.length <= limit)).toBe(true)
    })

    it('gives the same page when it is asked for again', async () => {
      const { next_batch: from } = await walk(bob, root, { limit: 2 })
      const page = await walk(bob, root, { limit: 2, from: from! })
      expect(idsOf(await walk(bob, root, { limit: 2, from: from! }))).toEqual(idsOf(page))
    })

    it('refuses tokens of others, of other rooms and of other requests', async () => {
      const { next_batch: from } = await walk(bob, root, { limit: 2, max_depth: 3 })
      const query = { from: from!, max_depth: 3 }
      const invalid = { status: 400, body: { errcode: 'M_INVALID_PARAM' } }
      expect(await request(alice, root, query)).toMatchObject(invalid)
      expect(await request(bob, all[1]!, query)).toMatchObject(invalid)
      expect(await request(bob, root, { from: from! })).toMatchObject(invalid)
      expect(await request(bob, root, { ...query, suggested_only: true })).toMatchObject(invalid)
      expect(await request(bob, root, { from: 'unheard-of' })).toMatchObject(invalid)
      expect((await request(bob, root, query)).status).toBe(200)
    })

    it.each([{ limit: 0 }, { limit: -1 }, { limit: 'all' }, { max_depth: -1 }, { suggested_only: 'maybe' }])(
      'refuses %j',
      async (query) => {
        expect(await request(bob, root, query as Query)).toMatchObject({
          status: 400,
          body: { errcode: 'M_INVALID_PARAM' },
        })
      },
    )

    it('is for those who are logged in', async () => {
      expect((await request(server.anonymous, root)).status).toBe(401)
    })
  })

  it('stays small and quick in a space of 100,000 children', { timeout: 120_000 }, async () => {
    const root = await space()
    const { store } = server
    const roomNid = (await store.rooms.find(root as never))!.nid
    const template = await store.database.query<{ json: string }>(
      null,
      `select e.json from current_state c join events e on e.nid = c.nid where c.room_nid = $1 and c.type_nid = 1`,
      [roomNid],
    )
    const child = {
      ...(JSON.parse(template[0]!.json) as JsonObject),
      type: 'm.space.child',
      content: { via: ['x.test'] },
    }
    const [head, tail] = JSON.stringify({ ...child, state_key: '!?:x.test' }).split('?') as [string, string]
    await store.database.transaction(async (tx) => {
      await tx.execute(
        null,
        `insert into state_keys (key) select '!' || n || ':x.test' from generate_series(1, 100000) n`,
      )
      await tx.execute(
        null,
        `insert into events (nid, room_nid, type_nid, skey_nid, sender_nid, flags, depth, ts, event_id, json)
           select -1000000 - k.nid, $1, 22, k.nid, 1, 0, 1, 1, decode(md5(k.key) || md5(k.key), 'hex'),
                  $2 || substr(k.key, 2, length(k.key) - 8) || $3
             from state_keys k where k.key like '!%:x.test'`,
        [roomNid, head, tail],
      )
      await tx.execute(
        null,
        `insert into current_state (nid, room_nid, type_nid, skey_nid)
           select nid, room_nid, type_nid, skey_nid from events where nid < -1000000 and room_nid = $1`,
        [roomNid],
      )
    })
    const page = await request(alice, root)
    expect(page.status).toBe(200)
    expect((page.body['rooms'] as HierarchyRoom[])[0]!.children_state).toHaveLength(1_000)
    expect(page.text.length).toBeLessThan(1024 * 1024)
    let from = page.body['next_batch'] as string | undefined
    let pages = 1
    for (; from !== undefined; pages += 1) from = (await walk(alice, root, { from })).next_batch
    expect(pages).toBeLessThanOrEqual(3)
  })
})

describe('GET /room_summary/{roomIdOrAlias}', () => {
  let server: TestServer
  let alice: TestClient
  let bob: TestClient

  beforeAll(async () => {
    server = await TestServer.start()
    alice = await server.register('alice')
    bob = await server.register('bob')
  })
  afterAll(() => server.stop())

  const summary = (client: TestClient, room: string, query = {}) =>
    client.request('GET', `/_matrix/client/v1/room_summary/${encodeURIComponent(room)}`, { query })

  it('tells of a public room, also those who are not logged in', async () => {
    const roomId = await alice.createRoom({
      preset: 'public_chat',
      name: 'Summed up',
      topic: 'Briefly',
      room_alias_name: 'summed-up',
      initial_state: [
        { type: 'm.room.encryption', content: { algorithm: 'm.megolm.v1.aes-sha2' } },
        { type: 'm.room.avatar', content: { url: 'mxc://hearth.test/picture' } },
      ],
    })
    const told = {
      room_id: roomId,
      name: 'Summed up',
      topic: 'Briefly',
      avatar_url: 'mxc://hearth.test/picture',
      canonical_alias: '#summed-up:hearth.test',
      num_joined_members: 1,
      world_readable: false,
      guest_can_join: false,
      join_rule: 'public',
      room_version: '12',
      encryption: 'm.megolm.v1.aes-sha2',
    }
    expect((await summary(server.anonymous, roomId)).body).toEqual(told)
    expect((await summary(bob, '#summed-up:hearth.test')).body).toEqual({ ...told, membership: 'leave' })
    expect((await summary(alice, roomId, { via: 'hearth.test' })).body).toEqual({ ...told, membership: 'join' })
    const earlier = `/_matrix/client/unstable/im.nheko.summary/summary/${encodeURIComponent(roomId)}`
    expect(await server.anonymous.get(earlier)).toEqual(told)
  })

  it('tells those who are invited of a room that nobody else learns of', async () => {
    const roomId = await alice.createRoom({ name: 'For two', invite: [bob.userId] })
    expect((await summary(bob, roomId)).body).toMatchObject({ name: 'For two', membership: 'invite' })
    const refused = await summary(await server.register('carol'), roomId)
    expect(refused).toMatchObject({ status: 404, body: { errcode: 'M_NOT_FOUND' } })
    expect((await summary(server.anonymous, roomId)).body).toEqual(refused.body)
  })

  it('[S-43] answers about a private room as about none', async () => {
    const roomId = await alice.createRoom({ name: 'Secret', room_alias_name: 'secret' })
    const none = await summary(bob, '!unknown:hearth.test')
    expect(none.status).toBe(404)
    for (const room of [roomId, '#secret:hearth.test']) {
      const answer = await summary(bob, room)
      expect(answer).toMatchObject({ status: 404, body: none.body })
      expect(answer.text).not.toContain('Secret')
    }
  })

  it('refuses what is no room, and a token that is none', async () => {
    expect((await summary(bob, 'nonsense')).body).toMatchObject({ errcode: 'M_INVALID_PARAM' })
    expect((await summary(bob, '#unknown:hearth.test')).body).toMatchObject({ errcode: 'M_NOT_FOUND' })
    expect((await summary(bob, '#unknown:hearth.test', { via: 'no server' })).status).toBe(400)
    const answer = await server.anonymous.request('GET', '/_matrix/client/v1/room_summary/!x:hearth.test', {
      headers: { authorization: 'Bearer nonsense' },
    })
    expect(answer).toMatchObject({ status: 401, body: { errcode: 'M_UNKNOWN_TOKEN' } })
  })
})
