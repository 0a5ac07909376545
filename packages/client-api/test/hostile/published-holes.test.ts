import type { JsonObject } from '@hearth/protocol'
import { TestServer, type SyncedEvent, type TestClient } from '@hearth/test-kit'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'

const path = (roomId: string, rest: string) => `rooms/${encodeURIComponent(roomId)}/${rest}`

describe('what others left open', () => {
  let server: TestServer
  let alice: TestClient
  let bob: TestClient
  let mallory: TestClient

  beforeAll(async () => {
    server = await TestServer.start()
    alice = await server.register('alice')
    bob = await server.register('bob')
    mallory = await server.register('mallory')
  })

  afterAll(() => server.stop())

  async function statusAndCode(client: TestClient, method: string, where: string, body?: JsonObject) {
    const answer = await client.request(method, where, { ...(body && { body }) })
    return [answer.status, answer.body['errcode']]
  }

  it.each(['joined', 'invited'])(
    '[S-08] hides what was sent before one came in, with %s history',
    async (visibility) => {
      const roomId = await alice.createRoom({ preset: 'public_chat' })
      await alice.setState(roomId, 'm.room.history_visibility', { history_visibility: visibility })
      const secret = await alice.sendText(roomId, 'before mallory')
      await mallory.join(roomId)
      const seen = await mallory.request('GET', path(roomId, 'messages'), { query: { dir: 'b', limit: 100 } })
      expect(seen.text).not.toContain('before mallory')
      expect((await mallory.request('GET', 'sync')).text).not.toContain('before mallory')
      expect(await statusAndCode(mallory, 'GET', path(roomId, `event/${secret}`))).toEqual([404, 'M_NOT_FOUND'])
      expect(await statusAndCode(mallory, 'GET', `events/${secret}`)).toEqual([404, 'M_NOT_FOUND'])
    },
  )

  it.each(['10', '12'])(
    '[S-17] keeps a room of version %s what it is when its first event is redacted',
    async (version) => {
      const roomId = await alice.createRoom({ room_version: version })
      const state = await alice.request('GET', path(roomId, 'state'))
      const create = (JSON.parse(state.text) as SyncedEvent[]).find(({ type }) => type === 'm.room.create')!
      await alice.request('PUT', path(roomId, `redact/${encodeURIComponent(create.event_id)}/t`), { body: {} })
      expect((await alice.get(path(roomId, 'state/m.room.create')))['room_version']).toBe(version)
      await alice.sendText(roomId, 'still here')
    },
  )

  it('redacts no server ACL, which would then shut out everybody', async () => {
    const roomId = await alice.createRoom()
    const eventId = await alice.setState(roomId, 'm.room.server_acl', { allow: ['*'], deny: ['evil.example'] })
    expect(await statusAndCode(alice, 'PUT', path(roomId, `redact/${eventId}/t`), {})).toEqual([403, 'M_FORBIDDEN'])
  })

  it('[S-21] shows nobody what was in a redacted event, wherever they look', async () => {
    const roomId = await alice.createRoom({ preset: 'public_chat' })
    await bob.join(roomId)
    const eventId = await bob.sendText(roomId, 'to be forgotten')
    await alice.put(path(roomId, `redact/${eventId}/t`), {})
    const places = ['sync', 'initialSync', path(roomId, 'messages?dir=b'), path(roomId, `event/${eventId}`)]
    for (const place of [...places, `events/${eventId}`, path(roomId, 'initialSync')]) {
      const { status, text } = await bob.request('GET', place)
      expect([place, status]).toEqual([place, 200])
      expect(text, place).not.toContain('to be forgotten')
    }
  })

  it('[S-42] tells outsiders nothing of a private room, be its history shared', async () => {
    const roomId = await alice.createRoom({ name: 'Private' })
    const before = (await mallory.sync()).next_batch
    for (const what of ['members', 'joined_members', 'state', 'messages?dir=b', 'aliases', 'state/m.room.name']) {
      expect([what, await statusAndCode(mallory, 'GET', path(roomId, what))]).toEqual([what, [403, 'M_FORBIDDEN']])
    }
    expect((await server.anonymous.request('GET', 'publicRooms')).text).not.toContain(roomId)
    expect((await mallory.sync({ since: before })).rooms?.join).toBeUndefined()
  })

  it('[C-04] lets nobody without the level redact what others of the same server sent', async () => {
    const roomId = await alice.createRoom({ preset: 'public_chat' })
    await bob.join(roomId)
    const eventId = await alice.sendText(roomId, 'stays')
    expect(await statusAndCode(bob, 'PUT', path(roomId, `redact/${eventId}/t`), {})).toEqual([403, 'M_FORBIDDEN'])
    const content = { redacts: eventId }
    const asMessage = await statusAndCode(bob, 'PUT', path(roomId, 'send/m.room.redaction/t'), content)
    expect(asMessage).toEqual([403, 'M_FORBIDDEN'])
    expect((await bob.get(path(roomId, `event/${eventId}`)))['content']).toMatchObject({ body: 'stays' })
  })

  it('[C-05] lets nobody take over an alias', async () => {
    const alias = `directory/room/${encodeURIComponent('#admins:hearth.test')}`
    const roomId = await alice.createRoom()
    await alice.put(alias, { room_id: roomId })
    expect(await statusAndCode(mallory, 'DELETE', alias)).toEqual([403, 'M_FORBIDDEN'])
    const own = await mallory.createRoom()
    expect((await mallory.request('PUT', alias, { body: { room_id: own } })).status).toBe(409)
    expect((await server.anonymous.get(alias))['room_id']).toBe(roomId)
  })

  it('[D-01] holds messages to events_default', async () => {
    const roomId = await alice.createRoom({
      preset: 'public_chat',
      power_level_content_override: { events_default: 50 },
    })
    await bob.join(roomId)
    const body = { msgtype: 'm.text', body: 'x' }
    expect(await statusAndCode(bob, 'PUT', path(roomId, 'send/m.room.message/t'), body)).toEqual([403, 'M_FORBIDDEN'])
    await alice.sendText(roomId, 'y')
  })
})
