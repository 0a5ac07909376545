import type { JsonObject } from '@hearth/protocol'
import { TestServer, type TestClient } from '@hearth/test-kit'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { passwordAuth } from './password-auth.ts'

const password = 'correct horse'

interface ShownEvent {
  readonly event_id: string
  readonly content: JsonObject
  readonly unsigned?: JsonObject
  readonly type: string
  readonly state_key?: string
}

describe('a user who was erased', () => {
  let server: TestServer
  /** The one to go. */
  let alice: TestClient
  /** Joined at everything that Alice sent. */
  let bob: TestClient
  /** Joined after it. */
  let carol: TestClient
  let room: string
  let message: string
  let names = 0

  beforeAll(async () => {
    server = await TestServer.start()
  })

  beforeEach(async () => {
    names += 1
    const people = ['alice', 'bob', 'carol'].map((name) => server.register(`${name}${names}`, password))
    ;[alice, bob, carol] = (await Promise.all(people)) as [TestClient, TestClient, TestClient]
    await alice.put(`profile/${encodeURIComponent(alice.userId)}/displayname`, { displayname: 'Alice Liddell' })
    room = await alice.createRoom({ preset: 'public_chat', name: 'A room' })
    await bob.join(room)
    message = await alice.sendText(room, 'from alice')
  })

  afterAll(() => server.stop())

  const inRoom = (path: string) => `rooms/${encodeURIComponent(room)}/${path}`
  const erase = async (isErased = true) => {
    const body = { auth: passwordAuth(alice.userId, password), erase: isErased }
    expect((await alice.request('POST', 'account/deactivate', { body })).status).toBe(200)
  }
  const found = (events: unknown, eventId = message) =>
    (events as ShownEvent[]).find(({ event_id: id }) => id === eventId)
  const synced = async (client: TestClient, filter: JsonObject = {}) => {
    const answer = await client.sync({ filter: JSON.stringify({ room: { timeline: { limit: 50 } }, ...filter }) })
    return answer.rooms!.join![room]!.timeline.events as unknown[] as ShownEvent[]
  }
  const relate = (relType: string, content: JsonObject = {}, sender = alice) =>
    sender.send(room, 'm.room.message', {
      msgtype: 'm.text',
      body: 'related',
      ...content,
      'm.relates_to': { rel_type: relType, event_id: message },
    })

  it('is read by those who were joined, and redacted for those who joined later, by whatever they read', async () => {
    await relate('m.thread')
    await carol.join(room)
    expect(found(await synced(carol))!.content).toMatchObject({ body: 'from alice' })
    await erase()
    const event = (await carol.get(inRoom(`event/${encodeURIComponent(message)}`))) as unknown as ShownEvent
    const context = await carol.get(inRoom(`context/${encodeURIComponent(message)}`), { limit: 20 })
    const page = await carol.get(inRoom('messages'), { dir: 'b', limit: 50 })
    const relations = await carol.get(`/_matrix/client/v1/${inRoom(`relations/${encodeURIComponent(message)}`)}`)
    const threads = await carol.get(`/_matrix/client/v1/${inRoom('threads')}`)
    const initial = await carol.get(inRoom('initialSync'), { limit: 50 })
    const [reply] = relations['chunk'] as unknown[] as ShownEvent[]
    for (const shown of [
      event,
      context['event'] as unknown as ShownEvent,
      reply!,
      found(page['chunk'])!,
      found(threads['chunk'])!,
      found((initial['messages'] as JsonObject)['chunk'])!,
      found(await synced(carol))!,
      found(await synced(carol, { event_format: 'federation' }))!,
    ]) {
      expect(shown.content).toEqual({})
      expect(JSON.stringify(shown)).not.toMatch(/from alice|related|Liddell/)
    }
    expect(found(await synced(bob))!.content).toMatchObject({ body: 'from alice' })
    const seen = await bob.get(inRoom(`event/${encodeURIComponent(message)}`))
    expect(JSON.stringify(seen)).toMatch(/from alice.*related/)
  })

  it('is redacted for those who join after it, and after a restart', async () => {
    await erase()
    await carol.join(room)
    expect(found(await synced(carol))!.content).toEqual({})
    await server.restart()
    expect(found(await synced(carol))!.content).toEqual({})
    expect(found(await synced(bob))!.content).toMatchObject({ body: 'from alice' })
  })

  it('is redacted for those who look into a room from outside', async () => {
    await alice.setState(room, 'm.room.history_visibility', { history_visibility: 'world_readable' })
    const late = await alice.sendText(room, 'to the world')
    await erase()
    const page = await carol.get(inRoom('messages'), { dir: 'b', limit: 10 })
    expect(found(page['chunk'], late)!.content).toEqual({})
  })

  it('has no edits shown to those who may not read them', async () => {
    await bob.leave(room)
    await relate('m.replace', { 'm.new_content': { msgtype: 'm.text', body: 'edited' } })
    await bob.join(room)
    const path = inRoom(`event/${encodeURIComponent(message)}`)
    expect(JSON.stringify(await bob.get(path))).toContain('edited')
    await erase()
    const shown = (await bob.get(path)) as unknown as ShownEvent
    expect(shown.content).toMatchObject({ body: 'from alice' })
    expect(shown.unsigned).not.toHaveProperty('m.relations')
  })

  it('leaves the room what it is', async () => {
    await carol.join(room)
    await erase()
    const timeline = await synced(carol)
    const named = timeline.find(({ type }) => type === 'm.room.name')
    expect(named!.content).toEqual({ name: 'A room' })
    const joined = timeline.find(({ state_key: key, type }) => type === 'm.room.member' && key === alice.userId)
    expect(joined!.content['membership']).toBe('join')
    expect(joined!.content).not.toHaveProperty('displayname')
    const own = timeline.find(({ state_key: key }) => key === carol.userId)
    expect(own!.content['membership']).toBe('join')
  })

  it('is called nothing in the room as it was, by whatever it is read', async () => {
    await alice.setState(room, 'm.room.topic', { topic: 'What we talk about' })
    const { next_batch: at } = await bob.sync()
    await bob.sendText(room, 'one more')
    await carol.join(room)
    await erase()
    // The job that leaves the rooms has done so when nobody is left who is called anything.
    const left = async () => (await carol.get(inRoom('members'), { membership: 'leave' }))['chunk'] as unknown[]
    await expect.poll(async () => (await left()).length, { timeout: 30_000 }).toBe(1)
    const context = await carol.get(inRoom(`context/${encodeURIComponent(message)}`), { limit: 0 })
    const then = await carol.get(inRoom('members'), { at })
    const lazily = JSON.stringify({ lazy_load_members: true })
    const page = await carol.get(inRoom('messages'), { dir: 'b', limit: 50, filter: lazily })
    const filter = JSON.stringify({ room: { timeline: { limit: 1 } } })
    const joined = (await carol.sync({ filter, full_state: true })).rooms!.join![room]!
    const founding = await carol.get(`/_matrix/client/api/v1/${inRoom('initialSync')}`)
    for (const state of [context['state'], then['chunk'], page['state'], joined.state!.events, founding['state']]) {
      const ofAlice = (state as unknown[] as ShownEvent[]).find(
        ({ type, state_key: key }) => type === 'm.room.member' && key === alice.userId,
      )
      expect(Object.keys(ofAlice!.content)).toEqual(['membership'])
      expect(JSON.stringify(state)).not.toContain('Liddell')
    }
    expect(JSON.stringify(await left())).not.toContain('Liddell')
  })

  it('is not whoever only closed their account', async () => {
    await carol.join(room)
    await erase(false)
    expect(found(await synced(carol))!.content).toMatchObject({ body: 'from alice' })
  })

  it('is heard of by other processes', async () => {
    const other = await TestServer.start({ database: server.database })
    try {
      await carol.join(room)
      const there = carol.at(other.url)
      expect(found(await synced(there))!.content).toMatchObject({ body: 'from alice' })
      await erase()
      const { next_batch: since } = await carol.sync()
      await there.sync({ since })
      expect(found(await synced(there))!.content).toEqual({})
    } finally {
      await other.stop()
    }
  })
})
