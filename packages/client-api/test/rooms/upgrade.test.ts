import type { JsonObject } from '@hearth/protocol'
import { TestServer, type TestAnswer, type TestClient } from '@hearth/test-kit'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'

describe('room upgrades', () => {
  let server: TestServer
  let alice: TestClient
  let bob: TestClient
  let roomId: string

  beforeAll(async () => {
    server = await TestServer.start()
    alice = await server.register('alice')
    bob = await server.register('bob')
  })
  afterAll(() => server.stop())
  beforeEach(async () => {
    roomId = await alice.createRoom({ preset: 'public_chat', room_version: '10' })
  })

  const request = (client: TestClient, body: object, room = roomId): Promise<TestAnswer> =>
    client.request('POST', `rooms/${encodeURIComponent(room)}/upgrade`, { body })
  const upgrade = async (version: string, body: object = {}, client = alice, room = roomId): Promise<string> => {
    const answer = await request(client, { new_version: version, ...body }, room)
    expect(answer.status, answer.text).toBe(200)
    return answer.body['replacement_room'] as string
  }
  const state = (room: string, type: string, key = '', client = alice): Promise<JsonObject> =>
    client.get(`rooms/${encodeURIComponent(room)}/state/${type}/${encodeURIComponent(key)}`)
  const stateEvent = (room: string, type: string): Promise<JsonObject> =>
    alice.get(`rooms/${encodeURIComponent(room)}/state/${type}/`, { format: 'event' })
  const setLevels = async (change: JsonObject, room = roomId): Promise<JsonObject> => {
    const levels = { ...(await state(room, 'm.room.power_levels')), ...change }
    await alice.setState(room, 'm.room.power_levels', levels)
    return levels
  }
  const forbidden = { status: 403, body: { errcode: 'M_FORBIDDEN' } }

  it('makes a new room that names the old one, and closes the old one with a pointer to it', async () => {
    const { next_batch: since } = await alice.sync()
    const replacement = await upgrade('11')
    const tombstone = await stateEvent(roomId, 'm.room.tombstone')
    expect(tombstone['content']).toMatchObject({ replacement_room: replacement })
    expect(await state(replacement, 'm.room.create')).toEqual({
      room_version: '11',
      predecessor: { room_id: roomId, event_id: tombstone['event_id'] },
    })
    const { rooms } = await alice.sync({ since })
    expect(rooms?.join?.[replacement]?.timeline.events[0]).toMatchObject({ type: 'm.room.create' })
    expect(rooms?.join?.[roomId]?.timeline.events[0]).toMatchObject({ type: 'm.room.tombstone' })
  })

  it('names the creator where the version asks for it', async () => {
    expect(await state(await upgrade('9'), 'm.room.create')).toMatchObject({ room_version: '9', creator: alice.userId })
  })

  it('keeps what the room is: its type, and whether other servers take part', async () => {
    const space = await alice.createRoom({ creation_content: { type: 'm.space', 'm.federate': false } })
    await alice.setState(space, 'm.space.child', { via: ['hearth.test'], order: 'a' }, roomId)
    await alice.setState(space, 'm.space.child', {}, '!gone:hearth.test')
    const replacement = await upgrade('11', {}, alice, space)
    expect(await state(replacement, 'm.room.create')).toMatchObject({ type: 'm.space', 'm.federate': false })
    const all = await alice.get(`rooms/${encodeURIComponent(replacement)}/state`)
    const children = (all['list'] as { type: string; state_key: string }[]).filter(
      ({ type }) => type === 'm.space.child',
    )
    expect(children).toMatchObject([{ state_key: roomId, content: { via: ['hearth.test'], order: 'a' } }])
  })

  it('moves the state that says how the room looks and who gets in', async () => {
    const states: Record<string, JsonObject> = {
      'm.room.topic': { topic: 'topic' },
      'm.room.name': { name: 'name' },
      'm.room.guest_access': { guest_access: 'forbidden' },
      'm.room.history_visibility': { history_visibility: 'joined' },
      'm.room.avatar': { url: 'mxc://hearth.test/abc' },
      'm.room.encryption': { algorithm: 'm.megolm.v1.aes-sha2' },
      'm.room.server_acl': { allow: ['*'], allow_ip_literals: false, deny: ['*.evil.test'] },
      'm.room.join_rules': {
        join_rule: 'restricted',
        allow: [{ type: 'm.room_membership', room_id: '!space:hearth.test', via: ['hearth.test'] }],
      },
    }
    for (const [type, content] of Object.entries(states)) await alice.setState(roomId, type, content)
    await alice.setState(roomId, 'org.example.bot', { secret: 1 })
    const replacement = await upgrade('12')
    for (const [type, content] of Object.entries(states)) expect(await state(replacement, type), type).toEqual(content)
    // What depends on who sent it stays behind.
    const path = `rooms/${encodeURIComponent(replacement)}/state/org.example.bot`
    expect(await alice.request('GET', path)).toMatchObject({ status: 404 })
  })

  it('says who gets in and sees what, although the old room leaves it to what is usual', async () => {
    const replacement = await upgrade('11')
    expect(await state(replacement, 'm.room.guest_access')).toEqual({ guest_access: 'forbidden' })
    expect(await state(replacement, 'm.room.history_visibility')).toEqual({ history_visibility: 'shared' })
  })

  it('moves bans but no other memberships', async () => {
    await bob.join(roomId)
    await alice.post(`rooms/${encodeURIComponent(roomId)}/ban`, { user_id: '@eve:elsewhere.test', reason: 'spam' })
    await alice.post(`rooms/${encodeURIComponent(roomId)}/ban`, { user_id: '@mal:elsewhere.test' })
    const replacement = await upgrade('11')
    const { chunk } = await alice.get(`rooms/${encodeURIComponent(replacement)}/members`)
    const members = (chunk as { state_key: string; content: JsonObject }[]).map(({ state_key: key, content }) => {
      return [key, content['membership'], content['reason']]
    })
    expect(members.sort()).toEqual([
      [alice.userId, 'join', undefined],
      ['@eve:elsewhere.test', 'ban', 'spam'],
      ['@mal:elsewhere.test', 'ban', undefined],
    ])
  })

  describe('and power levels', () => {
    it('moves them as they are', async () => {
      const levels = await setLevels({ users: { [alice.userId]: 100, '@test:elsewhere.test': 40 }, custom: 'x' })
      expect(await state(await upgrade('11'), 'm.room.power_levels')).toEqual(levels)
    })

    it('moves levels above 100', async () => {
      const room = await alice.createRoom({
        room_version: '10',
        power_level_content_override: { users: { [alice.userId]: 500 } },
      })
      const replacement = await upgrade('11', {}, alice, room)
      expect((await state(replacement, 'm.room.power_levels'))['users']).toEqual({ [alice.userId]: 500 })
    })

    it('closes the old room to whom has no more power than others', async () => {
      await upgrade('11')
      expect(await state(roomId, 'm.room.power_levels')).toMatchObject({ events_default: 50, invite: 50 })
      await bob.join(roomId)
      const path = `rooms/${encodeURIComponent(roomId)}/send/m.room.message/1`
      expect(await bob.request('PUT', path, { body: { msgtype: 'm.text', body: 'x' } })).toMatchObject(forbidden)
    })

    it('closes it although everybody has much power', async () => {
      await setLevels({ users_default: 80 })
      await upgrade('11')
      expect(await state(roomId, 'm.room.power_levels')).toMatchObject({ events_default: 81, invite: 81 })
    })

    it('gives whoever upgrades no more power than they had, in either room', async () => {
      await bob.join(roomId)
      const { events } = (await state(roomId, 'm.room.power_levels')) as { events: JsonObject }
      const levels = await setLevels({
        users: { [alice.userId]: 100, [bob.userId]: 50 },
        events: { ...events, 'm.room.tombstone': 50 },
      })
      await alice.setState(roomId, 'm.room.encryption', { algorithm: 'm.megolm.v1.aes-sha2' })
      const replacement = await upgrade('11', {}, bob)
      expect(await state(replacement, 'm.room.power_levels', '', bob)).toEqual(levels)
      expect(await state(replacement, 'm.room.encryption', '', bob)).toEqual({ algorithm: 'm.megolm.v1.aes-sha2' })
      expect(await state(roomId, 'm.room.power_levels')).toEqual(levels)
    })

    it('takes the creators out of the levels where they stand above all', async () => {
      await setLevels({ users: { [alice.userId]: 100, [bob.userId]: 100, '@carol:hearth.test': 50 } })
      const replacement = await upgrade('12', { additional_creators: [bob.userId] })
      expect(await state(replacement, 'm.room.create')).toEqual({
        room_version: '12',
        predecessor: { room_id: roomId },
        additional_creators: [bob.userId],
      })
      expect((await state(replacement, 'm.room.power_levels'))['users']).toEqual({ '@carol:hearth.test': 50 })
    })

    it('gives creators a level where they no longer stand above all', async () => {
      const room = await alice.createRoom({ room_version: '12' })
      const replacement = await upgrade('11', {}, alice, room)
      expect((await state(replacement, 'm.room.power_levels'))['users']).toEqual({ [alice.userId]: 100 })
    })

    it('does not take additional creators over by itself, and ignores them where there can be none', async () => {
      const room = await alice.createRoom({
        room_version: '12',
        creation_content: { additional_creators: [bob.userId] },
      })
      const next = await upgrade('12', {}, alice, room)
      expect(await state(next, 'm.room.create')).not.toHaveProperty('additional_creators')
      expect(
        await state(await upgrade('11', { additional_creators: ['nonsense'] }), 'm.room.create'),
      ).not.toHaveProperty('additional_creators')
    })

    it('makes integers of the texts that older versions took for levels', async () => {
      const room = await alice.createRoom({ room_version: '9' })
      await setLevels({ ban: '60', users: { [alice.userId]: '100', [bob.userId]: '7' } }, room)
      expect(await state(await upgrade('11', {}, alice, room), 'm.room.power_levels')).toMatchObject({
        ban: 60,
        users: { [alice.userId]: 100, [bob.userId]: 7 },
      })
    })
  })

  it.each([
    ['6', 'knock', 'invite'],
    ['7', 'restricted', 'invite'],
    ['9', 'knock_restricted', 'restricted'],
  ])('in version %s, which does not know the join rule %s, the rule is %s', async (version, rule, expected) => {
    await alice.setState(roomId, 'm.room.join_rules', { join_rule: rule, allow: [] })
    expect(await state(await upgrade(version), 'm.room.join_rules')).toMatchObject({ join_rule: expected })
  })

  it('moves aliases, the canonical one, and the place in the directory', async () => {
    const [first, second] = [`#first-${roomId.slice(1, 9)}:hearth.test`, `#second-${roomId.slice(1, 9)}:hearth.test`]
    for (const alias of [first, second]) {
      await alice.put(`directory/room/${encodeURIComponent(alias)}`, { room_id: roomId })
    }
    const names = { alias: first, alt_aliases: [second] }
    await alice.setState(roomId, 'm.room.canonical_alias', names)
    await alice.put(`directory/list/room/${encodeURIComponent(roomId)}`, { visibility: 'public' })
    const replacement = await upgrade('11')
    for (const alias of [first, second]) {
      expect(await bob.get(`directory/room/${encodeURIComponent(alias)}`)).toMatchObject({ room_id: replacement })
    }
    expect(await state(replacement, 'm.room.canonical_alias')).toEqual(names)
    expect(await state(roomId, 'm.room.canonical_alias')).toEqual({})
    const listed = ((await bob.get('publicRooms'))['chunk'] as { room_id: string }[]).map((room) => room.room_id)
    expect(listed).toContain(replacement)
    expect(listed).not.toContain(roomId)
  })

  it('lists a room only if the old one was', async () => {
    const replacement = await upgrade('11')
    expect(await alice.get(`directory/list/room/${encodeURIComponent(replacement)}`)).toEqual({ visibility: 'private' })
  })

  describe('and what users have set', () => {
    const data = (client: TestClient, type: string, room?: string) => {
      const base = `user/${encodeURIComponent(client.userId)}`
      return `${base}${room === undefined ? '' : `/rooms/${encodeURIComponent(room)}`}/account_data/${type}`
    }

    it('carries tags and direct chats over, of whoever upgrades at once, of others when they join', async () => {
      await bob.join(roomId)
      for (const client of [alice, bob]) {
        await client.put(data(client, 'm.tag', roomId), { tags: { 'm.favourite': { order: 0.1 } } })
        await client.put(data(client, 'm.direct'), { '@dora:hearth.test': [roomId], '@other:hearth.test': ['!x:y'] })
      }
      const replacement = await upgrade('11')
      const direct = { '@dora:hearth.test': [roomId, replacement], '@other:hearth.test': ['!x:y'] }
      expect(await alice.get(data(alice, 'm.tag', replacement))).toEqual({ tags: { 'm.favourite': { order: 0.1 } } })
      expect(await alice.get(data(alice, 'm.direct'))).toEqual(direct)
      expect((await bob.request('GET', data(bob, 'm.tag', replacement))).status).toBe(404)
      const { next_batch: since } = await bob.sync()
      await bob.join(replacement)
      expect(await bob.get(data(bob, 'm.direct'))).toEqual(direct)
      const news = (await bob.sync({ since })).rooms?.join?.[replacement]
      expect(news?.account_data?.events).toEqual([
        { type: 'm.tag', content: { tags: { 'm.favourite': { order: 0.1 } } } },
      ])
    })

    it('carries push rules over', async () => {
      await bob.join(roomId)
      const rule = (room: string) => `pushrules/global/room/${encodeURIComponent(room)}`
      for (const client of [alice, bob]) await client.put(rule(roomId), { actions: ['notify'] })
      const replacement = await upgrade('11')
      await bob.join(replacement)
      for (const client of [alice, bob]) {
        expect(await client.get(rule(replacement))).toMatchObject({ rule_id: replacement, actions: ['notify'] })
        expect(await client.get(rule(roomId))).toMatchObject({ rule_id: roomId })
      }
    })

    it('follows a room that was made and pointed to by hand', async () => {
      await alice.put(data(alice, 'm.tag', roomId), { tags: { u: {} } })
      const made = await alice.createRoom({ creation_content: { predecessor: { room_id: roomId, event_id: '$x' } } })
      expect((await alice.request('GET', data(alice, 'm.tag', made))).status).toBe(404)
      await alice.setState(roomId, 'm.room.tombstone', { body: 'moved', replacement_room: made })
      expect(await alice.get(data(alice, 'm.tag', made))).toEqual({ tags: { u: {} } })
    })

    it('does not follow a room that only claims to take the place of another', async () => {
      await alice.put(data(alice, 'm.tag', roomId), { tags: { u: {} } })
      const claim = await bob.createRoom({
        preset: 'public_chat',
        creation_content: { predecessor: { room_id: roomId, event_id: '$x' } },
      })
      await alice.join(claim)
      expect((await alice.request('GET', data(alice, 'm.tag', claim))).status).toBe(404)
    })
  })

  describe('is refused', () => {
    it('to an unknown version, and without one', async () => {
      expect(await request(alice, { new_version: 'my_bad_version' })).toMatchObject({
        status: 400,
        body: { errcode: 'M_UNSUPPORTED_ROOM_VERSION' },
      })
      expect(await request(alice, {})).toMatchObject({ status: 400 })
      expect(await request(alice, { new_version: 12 })).toMatchObject({ status: 400 })
      expect(await request(alice, { new_version: '__proto__' })).toMatchObject({ status: 400 })
    })

    it('to those who may not send the tombstone, and to outsiders', async () => {
      expect(await request(bob, { new_version: '11' })).toMatchObject(forbidden)
      await bob.join(roomId)
      const before = await bob.get('joined_rooms')
      expect(await request(bob, { new_version: '11' })).toMatchObject(forbidden)
      const path = `rooms/${encodeURIComponent(roomId)}/state/m.room.tombstone`
      expect(await alice.request('GET', path)).toMatchObject({ status: 404 })
      expect(await bob.get('joined_rooms')).toEqual(before)
    })

    it('of an unknown room', async () => {
      expect(await request(alice, { new_version: '11' }, '!fail:unknown')).toMatchObject({
        status: 404,
        body: { errcode: 'M_NOT_FOUND' },
      })
    })

    it('with creators that are no users, or too many', async () => {
      for (const creators of [['nonsense'], [7], 'all', Array.from({ length: 101 }, (_, i) => `@u${i}:hearth.test`)]) {
        expect(await request(alice, { new_version: '12', additional_creators: creators })).toMatchObject({
          status: 400,
        })
      }
    })

    it('for a tombstone that points to its own room', async () => {
      const room = `rooms/${encodeURIComponent(roomId)}`
      const body = { replacement_room: roomId }
      expect(await alice.request('PUT', `${room}/send/m.room.tombstone/1`, { body })).toMatchObject({ status: 400 })
      expect(await alice.request('PUT', `${room}/state/m.room.tombstone`, { body })).toMatchObject({ status: 400 })
    })
  })

  it('gives the same room to whoever asks again', async () => {
    const [first, second] = await Promise.all([upgrade('11'), upgrade('11')])
    expect(second).toBe(first)
    expect(await upgrade('11')).toBe(first)
  })

  it('is carried on by a job when it was broken off', async () => {
    await alice.put(`directory/list/room/${encodeURIComponent(roomId)}`, { visibility: 'public' })
    const jobs = () => server.store.database.query(null, `select kind from jobs where kind <> 'media-sweep'`)
    // As after a crash: the new room is there, the names are where they were, and nobody asks again.
    await server.store.database.execute(
      null,
      `create function break_off() returns trigger language plpgsql as $$ begin raise exception 'broken off'; end $$;
       create trigger break_off before delete on published_rooms for each row execute function break_off();`,
    )
    expect((await request(alice, { new_version: '11' })).status).toBe(500)
    expect(await jobs()).toEqual([{ kind: 'room-upgrade' }])
    await server.store.database.execute(null, 'drop function break_off cascade; update jobs set run_after_ts = 0;')
    await server.restart()
    await expect.poll(jobs, { timeout: 60_000 }).toEqual([])
    const { replacement_room: replacement } = await state(roomId, 'm.room.tombstone')
    const list = (room: string) => alice.get(`directory/list/room/${encodeURIComponent(room)}`)
    expect(await list(replacement as string)).toEqual({ visibility: 'public' })
    expect(await list(roomId)).toEqual({ visibility: 'private' })
  })
})
