import type { JsonObject } from '@hearth/protocol'
import { FakeNetwork, TestServer, type TestClient } from '@hearth/test-kit'
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'

interface Page extends JsonObject {
  chunk: ({ room_id: string; num_joined_members: number } & JsonObject)[]
  next_batch?: string
  prev_batch?: string
  total_room_count_estimate: number
}

describe('the directory of public rooms', () => {
  const network = new FakeNetwork()
  let server: TestServer
  let alice: TestClient
  let bob: TestClient
  /** In the order of the list: two with both, the others with alice alone. */
  const rooms: string[] = []

  beforeAll(async () => {
    server = await TestServer.start({ network })
    alice = await server.register('alice')
    bob = await server.register('bob')
    const small: string[] = []
    for (let n = 0; n < 9; n += 1) {
      const roomId = await alice.createRoom({ visibility: 'public', name: `Room ${n}` })
      const isLarge = n === 3 || n === 7
      if (isLarge) await bob.join(roomId)
      ;(isLarge ? rooms : small).push(roomId)
    }
    rooms.push(...small)
    const listed = async () => (await page()).chunk.map((room) => room.room_id)
    await vi.waitFor(async () => expect(await listed()).toEqual(rooms), { timeout: 30_000 })
  })
  afterAll(() => server.stop())

  const page = (query: Record<string, string | number> = {}): Promise<Page> =>
    server.anonymous.get('publicRooms', query) as Promise<Page>
  const search = async (body: JsonObject): Promise<Page> => (await alice.post('publicRooms', body)) as Page
  const ids = ({ chunk }: Page): string[] => chunk.map((room) => room.room_id)
  const found = async (filter: JsonObject): Promise<string[]> => ids(await search({ filter }))

  it('[C-045] lists the largest first, to anybody', async () => {
    const { chunk, next_batch: next, prev_batch: previous, total_room_count_estimate: total } = await page()
    expect(chunk.map((room) => room.num_joined_members)).toEqual([2, 2, 1, 1, 1, 1, 1, 1, 1])
    expect([next, previous, total]).toEqual([undefined, undefined, 9])
    expect(chunk[0]).toEqual({
      room_id: rooms[0],
      name: 'Room 3',
      num_joined_members: 2,
      world_readable: false,
      guest_can_join: false,
      join_rule: 'public',
    })
  })

  it.each([1, 2, 3, 4, 9])('pages forwards and back by %i without leaving out or repeating a room', async (limit) => {
    const forwards: string[][] = []
    let last: Page | undefined
    do {
      last = await search({ limit, since: last?.next_batch ?? null })
      forwards.push(ids(last))
    } while (last.next_batch !== undefined)
    expect(forwards.flat()).toEqual(rooms)
    expect(forwards.every((chunk) => chunk.length <= limit)).toBe(true)

    const backwards: string[][] = []
    while (last.prev_batch !== undefined) {
      last = await page({ limit, since: last.prev_batch })
      backwards.unshift(ids(last))
    }
    expect(backwards.flat()).toEqual(forwards.slice(0, -1).flat())
  })

  it('goes on from the same place when rooms come before it', async () => {
    const first = await page({ limit: 2 })
    const grown = await alice.createRoom({ visibility: 'public', name: 'Grown' })
    const third = await server.register('third')
    for (const client of [bob, third]) await client.join(grown)
    await expect.poll(async () => (await page()).chunk[0]?.room_id).toBe(grown)
    expect(ids(await page({ since: first.next_batch!, limit: 3 }))).toEqual(rooms.slice(2, 5))
    await alice.put(`directory/list/room/${encodeURIComponent(grown)}`, { visibility: 'private' })
    expect(ids(await page())).toEqual(rooms)
  })

  it('takes a limit of 0 for none, and gives a large one what there is', async () => {
    expect(ids(await page({ limit: 0 }))).toEqual(rooms)
    expect(ids(await page({ limit: Number.MAX_SAFE_INTEGER }))).toEqual(rooms)
  })

  it.each([
    { limit: -1 },
    { limit: 1.5 },
    { limit: 'many' },
    { since: '7' },
    { since: 'f1_99999999999' },
    { since: '\0' },
  ])('refuses %j', async (query) => {
    const answer = await alice.request('GET', 'publicRooms', { query })
    expect(answer).toMatchObject({ status: 400, body: { errcode: 'M_INVALID_PARAM' } })
  })

  it('searches names, topics and aliases in any case', async () => {
    const named = await alice.createRoom({ visibility: 'public', name: 'Café ÉTOILE 100%_sure' })
    const told = await alice.createRoom({ visibility: 'public', topic: 'About WOMBLES and others' })
    const called = await alice.createRoom({ visibility: 'public', room_alias_name: 'Burrow' })
    expect(await found({ generic_search_term: 'café étoile' })).toEqual([named])
    expect(await found({ generic_search_term: '%_SURE' })).toEqual([named])
    expect(await found({ generic_search_term: ' wombles ' })).toEqual([told])
    expect(await found({ generic_search_term: '#burrow:hearth' })).toEqual([called])
    expect(await found({ generic_search_term: 'nowhere to be found' })).toEqual([])
    for (const roomId of [named, told, called]) {
      await alice.put(`directory/list/room/${encodeURIComponent(roomId)}`, { visibility: 'private' })
    }
  })

  it('pages through what a search finds', async () => {
    const filter = { generic_search_term: 'room' }
    const first = await search({ filter, limit: 6 })
    const second = await search({ filter, limit: 6, since: first.next_batch! })
    expect([...ids(first), ...ids(second)]).toEqual(rooms)
    expect(second.next_batch).toBeUndefined()
  })

  it.each(['%', '_', '\\', 'a & ! | (', "'; drop table rooms --", '.*'])(
    '[SEC-38] takes the search term %j for text',
    async (term) => {
      expect(await found({ generic_search_term: term })).toEqual([])
    },
  )

  it.each(['x'.repeat(10_000), '\0', '\ud800'])(
    '[SEC-38] refuses a search term that no name can hold',
    async (term) => {
      const body = { filter: { generic_search_term: term } }
      expect((await alice.request('POST', 'publicRooms', { body })).status).toBe(400)
    },
  )

  it('filters by room type, null standing for none', async () => {
    const space = await alice.createRoom({ visibility: 'public', creation_content: { type: 'm.space' } })
    expect(await found({ room_types: ['m.space'] })).toEqual([space])
    expect((await search({ filter: { room_types: ['m.space'] } })).chunk[0]).toMatchObject({ room_type: 'm.space' })
    expect(await found({ room_types: [null] })).toEqual(rooms)
    expect((await found({ room_types: [null, 'm.space'] })).toSorted()).toEqual([...rooms, space].toSorted())
    expect(await found({ room_types: ['org.other'] })).toEqual([])
    expect(await found({ room_types: [] })).toEqual([])
    await alice.put(`directory/list/room/${encodeURIComponent(space)}`, { visibility: 'private' })
  })

  it('knows no rooms of third-party networks', async () => {
    expect(await search({ third_party_instance_id: 'irc' })).toEqual({ chunk: [], total_room_count_estimate: 0 })
    expect(ids(await search({ include_all_networks: true }))).toEqual(rooms)
    const both = { third_party_instance_id: 'irc', include_all_networks: true }
    expect(await alice.request('POST', 'publicRooms', { body: both })).toMatchObject({
      status: 400,
      body: { errcode: 'M_INVALID_PARAM' },
    })
  })

  it('[SEC-176] shows its own list under its own name, and asks no other server for anybody but users', async () => {
    expect(ids(await page({ server: 'hearth.test' }))).toEqual(rooms)
    for (const name of ['other.test', '127.0.0.1', '[::1]:8448', '169.254.169.254']) {
      const answer = await server.anonymous.request('GET', 'publicRooms', { query: { server: name } })
      expect(answer).toMatchObject({ status: 401, body: { errcode: 'M_MISSING_TOKEN' } })
      expect(await alice.request('POST', 'publicRooms', { query: { server: name }, body: {} })).toMatchObject({
        status: 502,
        body: { errcode: 'M_UNKNOWN' },
      })
    }
    // Addresses that are not of the public internet are not even tried.
    expect(network.attempts).toEqual([])
    const nonsense = await server.anonymous.request('GET', 'publicRooms', { query: { server: 'no server' } })
    expect(nonsense).toMatchObject({ status: 400, body: { errcode: 'M_INVALID_PARAM' } })
  })

  it('searches for those only who are logged in', async () => {
    const answer = await server.anonymous.request('POST', 'publicRooms', { body: {} })
    expect(answer).toMatchObject({ status: 401, body: { errcode: 'M_MISSING_TOKEN' } })
  })

  it('shows how a listed room is joined, whatever its rule', async () => {
    const knocked = await alice.createRoom({
      visibility: 'public',
      initial_state: [{ type: 'm.room.join_rules', content: { join_rule: 'knock' } }],
    })
    const invited = await alice.createRoom({ visibility: 'public', preset: 'private_chat' })
    const { chunk } = await page()
    const rule = (roomId: string) => chunk.find((room) => room.room_id === roomId)?.['join_rule']
    expect([rule(knocked), rule(invited)]).toEqual(['knock', 'invite'])
    for (const roomId of [knocked, invited]) {
      await alice.put(`directory/list/room/${encodeURIComponent(roomId)}`, { visibility: 'private' })
    }
  })

  it('leaves out rooms that nobody is in', async () => {
    const roomId = await alice.createRoom({ visibility: 'public' })
    expect(ids(await page())).toContain(roomId)
    await alice.leave(roomId)
    await expect.poll(async () => ids(await page())).not.toContain(roomId)
  })

  it('shows of a long name and a long topic what a list has room for', async () => {
    const roomId = await alice.createRoom({
      visibility: 'public',
      name: `${'x'.repeat(499)}😀`,
      topic: 'y'.repeat(30_000),
    })
    const shown = (await page()).chunk.find((room) => room.room_id === roomId)!
    expect([...(shown['name'] as string)]).toHaveLength(500)
    expect(shown['topic']).toHaveLength(2_000)
    await alice.put(`directory/list/room/${encodeURIComponent(roomId)}`, { visibility: 'private' })
  })

  describe('PUT /directory/list/room/{roomId}', () => {
    const list = (client: TestClient, roomId: string, visibility?: string) =>
      client.request('PUT', `directory/list/room/${encodeURIComponent(roomId)}`, { body: { visibility } })
    const visibility = async (roomId: string) =>
      (await server.anonymous.get(`directory/list/room/${encodeURIComponent(roomId)}`))['visibility']

    it('lists a room at once and takes it off at once', async () => {
      const roomId = await alice.createRoom({ preset: 'public_chat', name: 'Now' })
      expect(await visibility(roomId)).toBe('private')
      expect((await list(alice, roomId)).status).toBe(200)
      expect((await page()).chunk).toContainEqual(expect.objectContaining({ room_id: roomId, name: 'Now' }))
      expect(await visibility(roomId)).toBe('public')
      expect((await page()).total_room_count_estimate).toBe(rooms.length + 1)
      expect((await list(alice, roomId, 'private')).status).toBe(200)
      expect(ids(await page())).not.toContain(roomId)
      expect((await page()).total_room_count_estimate).toBe(rooms.length)
    })

    it('is for those who may name the room, and for administrators of the server', async () => {
      const roomId = await alice.createRoom({ preset: 'public_chat' })
      await bob.join(roomId)
      expect(await list(bob, roomId)).toMatchObject({ status: 403, body: { errcode: 'M_FORBIDDEN' } })
      const stranger = await server.register('stranger')
      expect((await list(stranger, roomId)).status).toBe(403)
      expect(await visibility(roomId)).toBe('private')
    })

    it('refuses other visibilities and unknown rooms', async () => {
      const roomId = await alice.createRoom()
      expect((await list(alice, roomId, 'secret')).status).toBe(400)
      expect(await list(alice, '!unknown:hearth.test')).toMatchObject({ status: 404, body: { errcode: 'M_NOT_FOUND' } })
      const unknown = await alice.request('GET', 'directory/list/room/!unknown:hearth.test')
      expect(unknown).toMatchObject({ status: 404, body: { errcode: 'M_NOT_FOUND' } })
    })
  })

  it('[H-17] pages through the founding API too', async () => {
    const get = (query: Record<string, string | number>) =>
      server.anonymous.get('/_matrix/client/api/v1/publicRooms', query) as Promise<Page>
    const first = await get({ limit: 5 })
    expect(first).toMatchObject({ start: 'START', end: expect.any(String) as string })
    const second = await get({ limit: 5, from: first['end'] as string })
    expect(second).toMatchObject({ start: first['end'], end: 'END' })
    expect([...ids(first), ...ids(second)]).toEqual(rooms)
    expect(first.chunk[0]).toMatchObject({ aliases: [] })
  })
})
