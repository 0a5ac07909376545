import { TestServer, type TestClient } from '@hearth/test-kit'
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'

let server: TestServer

beforeAll(async () => {
  server = await TestServer.start()
})
afterAll(() => server.stop())

let users = 0

/** A user with this name. */
async function named(displayname: string): Promise<TestClient> {
  const user = await server.register(`directory${(users += 1)}`)
  await user.put(`profile/${encodeURIComponent(user.userId)}/displayname`, { displayname })
  return user
}

const setState = (client: TestClient, roomId: string, type: string, content: object) =>
  client.put(`rooms/${encodeURIComponent(roomId)}/state/${type}`, content)

const search = (client: TestClient, term: string, limit?: number) =>
  client.post('user_directory/search', {
    search_term: term,
    ...(limit !== undefined && { limit }),
  }) as unknown as Promise<{
    results: { user_id: string; display_name?: string; avatar_url?: string }[]
    limited: boolean
  }>

/** Waits until the directory, which follows the stream, says so. */
const until = (check: () => Promise<void>) => vi.waitFor(check, { timeout: 30_000, interval: 50 })

const found = async (client: TestClient, term: string) =>
  (await search(client, term)).results.map((user) => user.user_id)

describe('searching the user directory', () => {
  it('finds those in rooms that anybody may join, and those who share a room', async () => {
    const [ada, grace, stranger] = [await named('Ada Lovelace'), await named('Grace Hopper'), await named('Nobody')]
    const open = await ada.createRoom({ preset: 'public_chat' })
    const closed = await grace.createRoom({ preset: 'private_chat', invite: [ada.userId] })
    await ada.join(closed)
    await until(async () => expect(await found(stranger, 'lovel')).toEqual([ada.userId]))
    await until(async () => expect(await found(ada, 'HOPPER gr')).toEqual([grace.userId]))
    expect(await found(stranger, 'hopper')).toEqual([])
    // Who is in nobody else's sight does not see themselves either.
    expect(await found(grace, 'hopper')).toEqual([])
    expect(await search(stranger, 'Ada Lovelace')).toEqual({
      results: [{ user_id: ada.userId, display_name: 'Ada Lovelace' }],
      limited: false,
    })
    await ada.leave(open)
    await until(async () => expect(await found(stranger, 'lovelace')).toEqual([]))
    await ada.leave(closed)
    await until(async () => expect(await found(ada, 'hopper')).toEqual([]))
  })

  it('follows join rules, history visibility and names', async () => {
    const [maker, member, other] = [await named('Maker'), await named('Hedy Lamarr'), await named('Other')]
    const room = await maker.createRoom({ preset: 'private_chat', invite: [member.userId] })
    await member.join(room)
    await until(async () => expect(await found(maker, 'lamarr')).toEqual([member.userId]))
    expect(await found(other, 'lamarr')).toEqual([])
    await setState(maker, room, 'm.room.join_rules', { join_rule: 'public' })
    await until(async () => expect(await found(other, 'lamarr')).toEqual([member.userId]))
    await setState(maker, room, 'm.room.history_visibility', { history_visibility: 'world_readable' })
    await setState(maker, room, 'm.room.join_rules', { join_rule: 'invite' })
    await member.put(`profile/${encodeURIComponent(member.userId)}/displayname`, { displayname: 'H. Kiesler' })
    await until(async () => expect(await found(other, 'kiesler')).toEqual([member.userId]))
    expect(await found(other, 'lamarr')).toEqual([])
    await setState(maker, room, 'm.room.history_visibility', { history_visibility: 'shared' })
    await until(async () => expect(await found(other, 'kiesler')).toEqual([]))
  })

  it('finds by user id, and not those whom one ignores', async () => {
    const [target, looking] = [await named('Unlike Theid'), await named('Looking')]
    await target.createRoom({ preset: 'public_chat' })
    const localpart = target.userId.slice(1, target.userId.indexOf(':'))
    await until(async () => expect(await found(looking, localpart)).toContain(target.userId))
    expect(await found(looking, target.userId)).toEqual([target.userId])
    expect(await found(looking, `@${localpart}:else.test`)).toEqual([])
    await looking.put(`user/${encodeURIComponent(looking.userId)}/account_data/m.ignored_user_list`, {
      ignored_users: { [target.userId]: {} },
    })
    await until(async () => expect(await found(looking, localpart)).not.toContain(target.userId))
  })

  it('gives no more than is asked for, and says that there is more', async () => {
    const first = await named('Swarm One')
    const room = await first.createRoom({ preset: 'public_chat' })
    for (const name of ['Two', 'Three']) await (await named(`Swarm ${name}`)).join(room)
    await until(async () => expect(await found(first, 'swarm')).toHaveLength(3))
    expect((await search(first, 'swarm', 2)).results).toHaveLength(2)
    expect((await search(first, 'swarm', 2)).limited).toBe(true)
    expect(await search(first, 'swarm', 3)).toMatchObject({ limited: false })
    expect(await search(first, 'swarm', 0)).toEqual({ results: [], limited: false })
  })

  it('takes anything for a term', async () => {
    const user = await server.register('hostile')
    for (const term of ['', ' ', '%', "'", '_', '\\', '@:', '🎈', '\u{10ffff}', 'x'.repeat(1_000)]) {
      expect(await search(user, term)).toEqual({ results: [], limited: false })
    }
    expect((await user.request('POST', 'user_directory/search', { body: {} })).status).toBe(400)
    expect((await server.anonymous.request('POST', 'user_directory/search', { body: {} })).status).toBe(401)
  })
})
