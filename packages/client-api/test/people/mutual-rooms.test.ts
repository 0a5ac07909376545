import { TestServer, type TestClient } from '@hearth/test-kit'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'

const path = '/_matrix/client/v1/mutual_rooms'

describe('mutual rooms', () => {
  let server: TestServer
  let alice: TestClient
  let bob: TestClient

  beforeAll(async () => {
    server = await TestServer.start()
    ;[alice, bob] = [await server.register('alice'), await server.register('bob')]
  })

  afterAll(() => server.stop())

  it('are those that both are joined to', async () => {
    const both = await Promise.all([1, 2].map(() => alice.createRoom({ preset: 'public_chat' })))
    for (const room of both) await bob.join(room)
    await alice.createRoom()
    await alice.createRoom({ invite: [bob.userId] })
    const left = await alice.createRoom({ preset: 'public_chat' })
    await bob.join(left)
    await bob.leave(left)
    const answer = await alice.get(path, { user_id: bob.userId })
    expect((answer['joined'] as string[]).sort()).toEqual([...both].sort())
    expect(answer['count']).toBe(2)
    expect(answer).not.toHaveProperty('next_batch')
    expect(await bob.get(path, { user_id: alice.userId })).toMatchObject({ count: 2 })
  })

  it('with a user who does not exist are none', async () => {
    for (const userId of ['@nobody:hearth.test', '@nobody:elsewhere.test']) {
      expect(await alice.get(path, { user_id: userId })).toEqual({ joined: [], count: 0 })
    }
  })

  it('come in pages', async () => {
    const [carol, dave] = [await server.register('carol'), await server.register('dave')]
    const rooms: string[] = []
    for (let i = 0; i < 101; i++) {
      const room = await carol.createRoom({ preset: 'public_chat' })
      await dave.join(room)
      rooms.push(room)
    }
    const first = await carol.get(path, { user_id: dave.userId })
    expect(first).toMatchObject({ count: 101, next_batch: expect.any(String) as string })
    const second = await carol.get(path, { user_id: dave.userId, from: first['next_batch'] as string })
    expect(second['count']).toBe(101)
    expect(second).not.toHaveProperty('next_batch')
    // By the name that it had before, the tokens are called otherwise.
    const earlier = '/_matrix/client/unstable/uk.half-shot.msc2666/user/mutual_rooms'
    const { next_batch_token: token, ...page } = await carol.get(earlier, { user_id: dave.userId })
    expect(page).toEqual({ joined: first['joined'], count: 101 })
    const last = await carol.get(earlier, { user_id: dave.userId, batch_token: token as string })
    expect(last).toEqual({ joined: second['joined'], count: 101 })
    const listed = [...(first['joined'] as string[]), ...(second['joined'] as string[])]
    expect(listed.sort()).toEqual(rooms.sort())
  })

  it.each([
    ['no user', {}, 'M_MISSING_PARAM'],
    ['what is no user', { user_id: 'bob' }, 'M_INVALID_PARAM'],
    ['oneself', { user_id: '@alice:hearth.test' }, 'M_INVALID_PARAM'],
    ['a bad token', { user_id: '@bob:hearth.test', from: 's1' }, 'M_INVALID_PARAM'],
    ['a token out of range', { user_id: '@bob:hearth.test', from: 'm99999999999' }, 'M_INVALID_PARAM'],
  ])('with %s are refused', async (_what, query, errcode) => {
    const answer = await alice.request('GET', path, { query })
    expect([answer.status, answer.body['errcode']]).toEqual([400, errcode])
  })
})
