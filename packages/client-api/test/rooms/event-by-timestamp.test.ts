import { FakeClock } from '@hearth/runtime'
import { TestServer, type TestAnswer, type TestClient } from '@hearth/test-kit'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'

describe('the event closest to a time', () => {
  const clock = new FakeClock()
  let server: TestServer
  let alice: TestClient
  let bob: TestClient
  let roomId: string
  const sent: { id: string; ts: number }[] = []

  beforeAll(async () => {
    server = await TestServer.start({ clock })
    alice = await server.register('alice')
    bob = await server.register('bob')
    roomId = await alice.createRoom({ preset: 'public_chat' })
    for (let index = 0; index < 4; index += 1) {
      clock.jump(60_000)
      sent.push({ id: await alice.sendText(roomId, `message ${index}`), ts: clock.now() })
    }
  })
  afterAll(() => server.stop())

  const find = (client: TestClient, ts: number | string, dir: string, room = roomId): Promise<TestAnswer> =>
    client.request('GET', `/_matrix/client/v1/rooms/${encodeURIComponent(room)}/timestamp_to_event`, {
      query: { ts, dir },
    })
  const found = ({ id, ts }: { id: string; ts: number }) => ({
    status: 200,
    body: { event_id: id, origin_server_ts: ts },
  })
  const notFound = { status: 404, body: { errcode: 'M_NOT_FOUND' } }

  it('is the next one forwards and the last one backwards', async () => {
    expect(await find(alice, sent[1]!.ts + 1, 'f')).toMatchObject(found(sent[2]!))
    expect(await find(alice, sent[1]!.ts + 1, 'b')).toMatchObject(found(sent[1]!))
  })

  it('is the event of that very time in both directions', async () => {
    expect(await find(alice, sent[1]!.ts, 'f')).toMatchObject(found(sent[1]!))
    expect(await find(alice, sent[1]!.ts, 'b')).toMatchObject(found(sent[1]!))
  })

  it('is not there before the first and after the last', async () => {
    expect(await find(alice, sent[3]!.ts + 1, 'f')).toMatchObject(notFound)
    expect(await find(alice, 0, 'b')).toMatchObject(notFound)
    expect(await find(alice, Number.MAX_SAFE_INTEGER, 'f')).toMatchObject(notFound)
    expect(await find(alice, -1, 'f')).toMatchObject({ status: 200 })
  })

  it('is one that can be paged from', async () => {
    const { body } = await find(alice, sent[1]!.ts, 'f')
    const id = body['event_id'] as string
    const context = await alice.get(`rooms/${encodeURIComponent(roomId)}/context/${encodeURIComponent(id)}`, {
      limit: 1,
    })
    expect(context['events_after']).toMatchObject([{ event_id: sent[2]!.id }])
  })

  it('is the closest one that the reader may see', async () => {
    await alice.setState(roomId, 'm.room.history_visibility', { history_visibility: 'joined' })
    clock.jump(60_000)
    const hidden = { id: await alice.sendText(roomId, 'for members'), ts: clock.now() }
    clock.jump(60_000)
    await bob.join(roomId)
    const joinedAt = clock.now()
    expect(await find(alice, hidden.ts, 'f')).toMatchObject(found(hidden))
    expect(await find(bob, hidden.ts, 'f')).toMatchObject({ status: 200, body: { origin_server_ts: joinedAt } })
  })

  it('[S-43] is not told to outsiders', async () => {
    const secret = await alice.createRoom()
    expect(await find(bob, 0, 'f', secret)).toMatchObject({ status: 403, body: { errcode: 'M_FORBIDDEN' } })
    expect(await find(bob, 0, 'f', '!nowhere:hearth.test')).toMatchObject(notFound)
  })

  it('takes a time and a direction', async () => {
    expect(await find(alice, 'noon', 'f')).toMatchObject({ status: 400 })
    expect(await find(alice, 0, 'x')).toMatchObject({ status: 400 })
    expect(await find(alice, '1e400', 'f')).toMatchObject({ status: 400 })
    const path = `/_matrix/client/v1/rooms/${encodeURIComponent(roomId)}/timestamp_to_event`
    expect(await alice.request('GET', path)).toMatchObject({ status: 400 })
  })
})
