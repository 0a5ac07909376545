import type { JsonObject } from '@hearth/protocol'
import { TestServer } from '@hearth/test-kit'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { FoundingClient, roomPath } from './founding-client.ts'

const forbidden = { status: 403, body: { errcode: 'M_FORBIDDEN' } }

describe('redactions of the founding API', () => {
  let server: TestServer
  let alice: FoundingClient
  let bob: FoundingClient
  let roomId: string

  beforeAll(async () => {
    // A room of a version whose redaction keeps what the founding documents list.
    server = await TestServer.start({ settings: { HEARTH_ROOMS_DEFAULT_VERSION: '1' } })
    alice = await FoundingClient.register(server, 'alice')
    bob = await FoundingClient.register(server, 'bob')
  })
  afterAll(() => server.stop())
  beforeEach(async () => {
    roomId = await alice.createRoom({ visibility: 'public' })
    await bob.join(roomId)
  })

  const event = (eventId: string) => bob.get(roomPath(roomId, 'event', eventId))
  const redact = (client: FoundingClient, eventId: string, body: JsonObject = {}) =>
    client.request('POST', roomPath(roomId, 'redact', eventId), { body })

  it('[C-130] [C-131] [C-135] [C-137] [H-23] leaves the listed keys and the redaction', async () => {
    const eventId = await bob.sendText(roomId, 'never mind')
    const { status, body } = await redact(alice, eventId, { reason: 'spoilers' })
    expect(status).toBe(200)
    const redacted = await event(eventId)
    expect(redacted).toMatchObject({
      content: {},
      redacted_because: {
        event_id: body['event_id'],
        type: 'm.room.redaction',
        user_id: alice.userId,
        content: { reason: 'spoilers' },
      },
    })
    const keys = [
      'age',
      'content',
      'event_id',
      'origin_server_ts',
      'redacted_because',
      'room_id',
      'sender',
      'type',
      'user_id',
    ]
    expect(Object.keys(redacted).sort()).toEqual(keys)
    const { chunk } = await bob.messages(roomId, { limit: 2 })
    expect(chunk[1]).toMatchObject({
      event_id: eventId,
      content: {},
      redacted_because: { content: { reason: 'spoilers' } },
    })
  })

  it('[C-132] cannot be undone', async () => {
    const eventId = await bob.sendText(roomId, 'gone for good')
    const { body } = await redact(bob, eventId)
    expect((await redact(bob, body['event_id'] as string)).status).toBe(200)
    expect(await event(eventId)).toMatchObject({ content: {} })
    const [row] = await server.store.events.findByIds([eventId as never])
    expect(row!.json).not.toContain('gone for good')
  })

  it('[C-133] [H-23] is for the sender and for who has the level, in all ways', async () => {
    const eventId = await alice.sendText(roomId, 'hers')
    expect(await redact(bob, eventId)).toMatchObject(forbidden)
    expect(await bob.request('PUT', roomPath(roomId, 'redact', eventId, 't'), { body: {} })).toMatchObject(forbidden)
    const byContent = { redacts: eventId, reason: 'x' }
    expect(await bob.request('POST', roomPath(roomId, 'send', 'm.room.redaction'), { body: byContent })).toMatchObject(
      forbidden,
    )
    const own = await bob.sendText(roomId, 'his')
    expect(await redact(bob, own)).toMatchObject({ status: 200 })

    const first = await alice.put(roomPath(roomId, 'redact', eventId, 't'), { reason: 'x' })
    expect(await alice.put(roomPath(roomId, 'redact', eventId, 't'), { reason: 'x' })).toEqual(first)
    expect(await event(eventId)).toMatchObject({ content: {} })
    const third = await bob.sendText(roomId, 'also his')
    await alice.post(roomPath(roomId, 'send', 'm.room.redaction'), { redacts: third })
    expect(await event(third)).toMatchObject({ content: {} })
  })

  it('[H-23] is of an event of the room', async () => {
    const elsewhere = await alice.createRoom()
    const eventId = await alice.sendText(elsewhere, 'elsewhere')
    expect([400, 404]).toContain((await redact(alice, eventId)).status)
    expect((await redact(alice, '$unknown:hearth.test')).status).toBe(404)
  })

  it('[C-138] [E-016] is on the stream, and says what it redacts', async () => {
    const eventId = await bob.sendText(roomId, 'oops')
    const from = await bob.now()
    await redact(bob, eventId, { reason: 'typo' })
    const { chunk } = await alice.events({ from })
    expect(chunk).toMatchObject([{ type: 'm.room.redaction', redacts: eventId, content: { reason: 'typo' } }])
  })

  describe('keeps of the content', () => {
    /** What the founding API shows of a state event after its redaction. */
    const left = async (type: string, stateKey: string, content?: JsonObject): Promise<JsonObject> => {
      if (content) expect(await alice.setState(roomId, type, content, stateKey)).toMatchObject({ status: 200 })
      const { event_id: eventId } = (await alice.stateEvent(roomId, type, stateKey))!
      expect(await redact(alice, eventId)).toMatchObject({ status: 200 })
      return (await event(eventId))['content'] as JsonObject
    }

    it('[C-136] membership', async () => {
      const kept = await left('m.room.member', alice.userId, { membership: 'join', displayname: 'Alice' })
      expect(kept).toEqual({ membership: 'join' })
    })

    it('[C-136] creator', async () => {
      expect(await left('m.room.create', '')).toEqual({ creator: alice.userId })
    })

    it('[C-136] join_rule', async () => {
      expect(await left('m.room.join_rules', '', { join_rule: 'public', extra: 1 })).toEqual({ join_rule: 'public' })
    })

    it('[C-136] the levels of users and their default', async () => {
      const levels = { [alice.userId]: 100, [bob.userId]: 10, default: 5 }
      expect(await left('m.room.power_levels', '', levels)).toEqual(levels)
    })

    it.each([
      ['m.room.add_state_level', { level: 40 }],
      ['m.room.send_event_level', { level: 10 }],
      ['m.room.ops_levels', { ban_level: 30, kick_level: 40, redact_level: 50 }],
    ])('[C-136] the levels of %s', async (type, levels) => {
      const { body } = await alice.setState(roomId, type, { ...levels, extra: 1 })
      expect(await redact(alice, body['event_id'] as string)).toMatchObject({ status: 200 })
      expect(await alice.state(roomId, type)).toEqual(levels)
    })

    it('[C-136] aliases', async () => {
      const aliases = ['#kept:elsewhere.test']
      const headers = { authorization: `Bearer ${alice.accessToken}` }
      const path = roomPath(roomId, 'state', 'm.room.aliases', 'hearth.test')
      const sent = await server.anonymous.expect('PUT', path, { body: { aliases, extra: 1 }, headers })
      expect(await redact(alice, sent['event_id'] as string)).toMatchObject({ status: 200 })
      expect((await event(sent['event_id'] as string))['content']).toEqual({ aliases })
    })

    it('nothing of anything else', async () => {
      expect(await left('m.room.name', '', { name: 'Secret' })).toEqual({})
    })
  })
})
