import type { JsonObject, RoomId } from '@hearth/protocol'
import { SimulatedWorld, type TestClient } from '@hearth/test-kit'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'

interface Page {
  readonly chunk: readonly { type: string; event_id: string; content: { body?: string }; unsigned?: JsonObject }[]
  readonly start: string
  readonly end?: string
}

describe('the past of a room of another server', () => {
  let world: SimulatedWorld
  let alice: TestClient
  let bob: TestClient

  beforeAll(async () => {
    world = await SimulatedWorld.start(['one.test', 'two.test'])
    ;[alice] = world.servers[0]!.users as [TestClient]
    ;[bob] = world.servers[1]!.users as [TestClient]
  })
  afterAll(() => world[Symbol.asyncDispose]())

  const room = (roomId: string): string => `rooms/${encodeURIComponent(roomId)}`
  const pageOf = (user: TestClient, roomId: string, query: Record<string, string | number> = {}): Promise<Page> =>
    user.get(`${room(roomId)}/messages`, { dir: 'b', limit: 50, ...query }) as unknown as Promise<Page>

  async function readAll(user: TestClient, roomId: string): Promise<Page['chunk'][number][]> {
    const events: Page['chunk'][number][] = []
    let from: string | undefined
    for (let pages = 0; pages < 20; pages++) {
      const page = await pageOf(user, roomId, from === undefined ? {} : { from })
      events.push(...page.chunk)
      if (page.end === undefined || page.end === from) return events
      from = page.end
    }
    throw new Error('there is no end')
  }
  const bodies = (events: readonly { content: { body?: string } }[]): string[] =>
    events.flatMap(({ content: { body } }) => body ?? [])

  it.each(['1', '6', '11', '12'])('is read page by page to its beginning, in room version %s', async (version) => {
    const roomId = await alice.createRoom({ preset: 'public_chat', room_version: version })
    const said: string[] = []
    for (let n = 0; n < 130; n++) {
      said.push(`message ${n}`)
      await alice.sendText(roomId, `message ${n}`)
      if (n % 40 === 0) await alice.setState(roomId, 'm.room.topic', { topic: `topic ${n}` })
    }
    await world.join(bob, roomId, 'one.test')
    const [own, theirs] = [await readAll(bob, roomId), await readAll(alice, roomId)]
    expect(bodies(own)).toEqual(said.toReversed())
    expect(own.map(({ event_id: id }) => id)).toEqual(theirs.map(({ event_id: id }) => id))
    expect(own.at(-1)!.type).toBe('m.room.create')

    // Forwards from the beginning, and back to the present.
    const forwards = (await bob.get(`${room(roomId)}/messages`, { dir: 'f', limit: 1_000 })) as unknown as Page
    expect(forwards.chunk.map(({ event_id: id }) => id)).toEqual(own.map(({ event_id: id }) => id).toReversed())
  })

  it('is never told of as new', async () => {
    const roomId = await alice.createRoom({ preset: 'public_chat' })
    for (let n = 0; n < 30; n++) await alice.sendText(roomId, `old ${n}`)
    await world.join(bob, roomId, 'one.test')
    const { next_batch: since } = await bob.sync()
    await readAll(bob, roomId)
    const { rooms } = await bob.sync({ since, timeout: 0 })
    expect(rooms?.join?.[roomId]).toBeUndefined()
  })

  it('shows redactions that were made before, and state as it was', async () => {
    const roomId = await alice.createRoom({ preset: 'public_chat' })
    const secret = await alice.sendText(roomId, 'secret')
    await alice.setState(roomId, 'm.room.topic', { topic: 'first' })
    const between = await alice.sendText(roomId, 'between')
    await alice.setState(roomId, 'm.room.topic', { topic: 'second' })
    await alice.put(`${room(roomId)}/redact/${encodeURIComponent(secret)}/r1`, {})
    await world.join(bob, roomId, 'one.test')
    const events = await readAll(bob, roomId)
    const redacted = events.find(({ event_id: id }) => id === secret)!
    expect(redacted.content).toEqual({})
    expect(redacted.unsigned?.['redacted_because']).toMatchObject({ type: 'm.room.redaction' })
    const context = (await bob.get(`${room(roomId)}/context/${encodeURIComponent(between)}`, { limit: 2 })) as {
      state: { type: string; content: JsonObject }[]
    }
    // The last event shown is the one after it, which sets the second topic.
    expect(context.state.find(({ type }) => type === 'm.room.topic')?.content).toEqual({ topic: 'second' })
    const alone = (await bob.get(`${room(roomId)}/context/${encodeURIComponent(between)}`, {
      limit: 0,
    })) as typeof context
    expect(alone.state.find(({ type }) => type === 'm.room.topic')?.content).toEqual({ topic: 'first' })
  })

  it('hides what its visibility hides from those who join later', async () => {
    const roomId = await alice.createRoom({ preset: 'public_chat' })
    await alice.sendText(roomId, 'for all')
    await alice.setState(roomId, 'm.room.history_visibility', { history_visibility: 'joined' })
    await alice.sendText(roomId, 'for members')
    await world.join(bob, roomId, 'one.test')
    const seen = bodies(await readAll(bob, roomId))
    expect(seen).not.toContain('for members')
  })

  it('has no end while the other servers are away, and is there when they come back', async () => {
    const roomId = await alice.createRoom({ preset: 'public_chat' })
    for (let n = 0; n < 5; n++) await alice.sendText(roomId, `old ${n}`)
    await world.join(bob, roomId, 'one.test')
    world.network.part([['one.test'], ['two.test']])
    const page = await pageOf(bob, roomId)
    expect(bodies(page.chunk)).toEqual([])
    expect(page.end).toBeDefined()
    await world.network.heal()
    world.clock.jump(600_000)
    expect(bodies((await pageOf(bob, roomId, { from: page.end! })).chunk)).toHaveLength(5)
  })

  it('is read across what a server missed while it was cut off, each event in its place', async () => {
    const roomId = await alice.createRoom({ preset: 'public_chat' })
    await world.join(bob, roomId, 'one.test')
    const begun = await bob.sync()
    const said = ['before']
    await alice.sendText(roomId, 'before')
    await expect.poll(async () => bodies(await readAll(bob, roomId)), { timeout: 60_000 }).toEqual(said)
    world.network.part([['one.test'], ['two.test']])
    for (let n = 0; n < 230; n++) {
      said.push(`missed ${n}`)
      await alice.sendText(roomId, `missed ${n}`)
    }
    await world.network.heal()
    world.clock.jump(2 * 3_600_000)
    said.push('after')
    await alice.sendText(roomId, 'after')
    const isHere = async () => bodies((await pageOf(bob, roomId, { limit: 1 })).chunk)
    await expect.poll(isHere, { timeout: 60_000 }).toEqual(['after'])
    expect(bodies(await readAll(bob, roomId))).toEqual(said.toReversed())
    // A sync ends at the gap, and says so, whether the client was there before or begins.
    for (const since of [begun.next_batch, undefined]) {
      const filter = JSON.stringify({ room: { timeline: { limit: 500 } } })
      const { rooms } = await bob.sync({ filter, ...(since !== undefined && { since }) })
      const { events, limited, prev_batch: from } = rooms!.join![roomId]!.timeline
      const shown = bodies(events)
      expect(limited).toBe(true)
      expect(shown.length).toBeGreaterThan(1)
      expect(shown).toEqual(said.slice(-shown.length))
      expect(shown).not.toContain('before')
      const [earlier] = bodies((await pageOf(bob, roomId, { from, limit: 1 })).chunk)
      expect(earlier).toBe(said.at(-shown.length - 1))
    }
    const { store } = world.servers[1]!.server
    const { nid } = (await store.rooms.find(roomId as RoomId))!
    // The gap was too wide to be filled on arrival: it was read across.
    expect(await store.timelineGaps.list(nid)).not.toEqual([])
    const { event_id: earliest } = (await readAll(bob, roomId)).find(({ content }) => content.body === 'missed 0')!
    const around = (await bob.get(`${room(roomId)}/context/${encodeURIComponent(earliest)}`, { limit: 2 })) as {
      events_before: { content: { body: string } }[]
      events_after: { content: { body: string } }[]
    }
    expect(bodies(around.events_before)).toEqual(['before'])
    expect(bodies(around.events_after)).toEqual(['missed 1'])
  })

  it('does not show a state event that lost against another as the current one', async () => {
    const power_level_content_override = { users: { [bob.userId]: 50 } }
    const roomId = await alice.createRoom({ preset: 'public_chat', power_level_content_override })
    await world.join(bob, roomId, 'one.test')
    const topicPath = `${room(roomId)}/state/m.room.topic`
    world.network.part([['one.test'], ['two.test']])
    const begun = await bob.sync()
    await alice.put(topicPath, { topic: 'the earlier one' })
    world.clock.jump(60_000)
    await bob.put(topicPath, { topic: 'the later one' })
    await world.network.heal()
    world.clock.jump(2 * 3_600_000)
    await alice.sendText(roomId, 'together again')
    await expect
      .poll(async () => bodies((await pageOf(bob, roomId, { limit: 1 })).chunk), { timeout: 60_000 })
      .toEqual(['together again'])
    expect(await bob.get(topicPath)).toEqual({ topic: 'the later one' })
    for (const since of [begun.next_batch, undefined]) {
      const { state, timeline } = (await bob.sync(since === undefined ? {} : { since })).rooms!.join![roomId]!
      const topics = [...state!.events, ...timeline.events].filter(({ type }) => type === 'm.room.topic')
      expect(topics.at(-1)!.content).toEqual({ topic: 'the later one' })
      expect(timeline.limited).toBe(true)
      expect(timeline.events.at(-1)!.content).toMatchObject({ body: 'together again' })
    }
  })

  it('is searched by time at the servers that have it', async () => {
    const roomId = await alice.createRoom({ preset: 'public_chat' })
    const sent: { id: string; ts: number }[] = []
    for (let n = 0; n < 150; n++) {
      const id = await alice.sendText(roomId, `old ${n}`)
      if (n % 50 === 10) sent.push({ id, ts: world.clock.now() })
      if (n % 50 === 10) world.clock.jump(60_000)
    }
    await world.join(bob, roomId, 'one.test')
    const path = `/_matrix/client/v1/rooms/${encodeURIComponent(roomId)}/timestamp_to_event`
    const [first] = sent
    // Not later than the event itself, and long before the next one.
    expect(await bob.get(path, { ts: first!.ts + 1_000, dir: 'b' })).toMatchObject({ event_id: first!.id })
    const { event } = (await bob.get(`${room(roomId)}/context/${encodeURIComponent(first!.id)}`)) as {
      event: JsonObject
    }
    expect(event['content']).toMatchObject({ body: 'old 10' })
  })

  it('goes on in the room that takes the place of another, for who follows it there', async () => {
    const old = await alice.createRoom({ preset: 'public_chat', room_version: '9', name: 'Moving' })
    await world.join(bob, old, 'one.test')
    await bob.put(`user/${encodeURIComponent(bob.userId)}/${room(old)}/tags/m.favourite`, { order: 0.5 })
    const { replacement_room: replacement } = (await alice.post(`${room(old)}/upgrade`, { new_version: '12' })) as {
      replacement_room: string
    }
    const stone = async () => (await bob.request('GET', `${room(old)}/state/m.room.tombstone`)).body
    await expect.poll(stone, { timeout: 60_000 }).toMatchObject({ replacement_room: replacement })
    await world.join(bob, replacement, 'one.test')
    expect(await bob.get(`${room(replacement)}/state/m.room.create`)).toMatchObject({ predecessor: { room_id: old } })
    expect(await bob.get(`user/${encodeURIComponent(bob.userId)}/${room(replacement)}/tags`)).toMatchObject({
      tags: { 'm.favourite': { order: 0.5 } },
    })
    expect(await bob.get(`${room(replacement)}/state/m.room.name`)).toEqual({ name: 'Moving' })
  })
})
