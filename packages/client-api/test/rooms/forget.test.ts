import { TestServer, type TestAnswer, type TestClient } from '@hearth/test-kit'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'

const withLeft = JSON.stringify({ room: { include_leave: true } })

describe('forgetting rooms', () => {
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
    roomId = await alice.createRoom({ preset: 'private_chat' })
    await alice.invite(roomId, bob.userId)
    await bob.join(roomId)
    await alice.sendText(roomId, 'before')
  })

  const forget = (client: TestClient, room = roomId): Promise<TestAnswer> =>
    client.request('POST', `rooms/${encodeURIComponent(room)}/forget`)
  const isLeftInSync = async () => (await bob.sync({ filter: withLeft })).rooms?.leave?.[roomId] !== undefined
  const isInInitialSync = async () => {
    const { rooms } = await bob.get('initialSync', { archived: true })
    return (rooms as { room_id: string }[]).some((room) => room.room_id === roomId)
  }

  it('takes leaving first', async () => {
    expect(await forget(bob)).toMatchObject({ status: 400, body: { errcode: 'M_UNKNOWN' } })
    await bob.leave(roomId)
    expect(await forget(bob)).toMatchObject({ status: 200, body: {} })
    // Forgetting what is forgotten changes nothing.
    expect(await forget(bob)).toMatchObject({ status: 200, body: {} })
  })

  it('is refused to the invited, and knows unknown rooms', async () => {
    await bob.leave(roomId)
    await alice.invite(roomId, bob.userId)
    expect(await forget(bob)).toMatchObject({ status: 400 })
    expect(await forget(bob, '!nowhere:hearth.test')).toMatchObject({ status: 404 })
    expect(await forget(bob, 'nonsense')).toMatchObject({ status: 400 })
  })

  it('takes the room out of everything that shows rooms which were left', async () => {
    await bob.leave(roomId)
    expect(await isLeftInSync()).toBe(true)
    expect(await isInInitialSync()).toBe(true)
    await forget(bob)
    expect(await isLeftInSync()).toBe(false)
    expect(await isInInitialSync()).toBe(false)
    for (const path of ['messages?dir=b', 'state', 'members', 'initialSync']) {
      expect(await bob.request('GET', `rooms/${encodeURIComponent(roomId)}/${path}`), path).toMatchObject({
        status: 403,
        body: { errcode: 'M_FORBIDDEN' },
      })
    }
  })

  it('is told as a leave to devices that have not heard of it', async () => {
    const { next_batch: since } = await bob.sync()
    await bob.leave(roomId)
    await forget(bob)
    const left = (await bob.sync({ since })).rooms?.leave?.[roomId]
    expect(left?.timeline.events).toMatchObject([{ type: 'm.room.member', content: { membership: 'leave' } }])
    await server.restart()
    const answer = await bob.sync({ since })
    expect(answer.rooms?.leave?.[roomId]).toBeDefined()
    expect((await bob.sync({ since: answer.next_batch })).rooms?.leave?.[roomId]).toBeUndefined()
  })

  it('is for rooms that were declined as well, and those that one was kicked from', async () => {
    const declined = await alice.createRoom({ invite: [bob.userId] })
    await bob.leave(declined)
    expect(await forget(bob, declined)).toMatchObject({ status: 200 })
    await alice.post(`rooms/${encodeURIComponent(roomId)}/kick`, { user_id: bob.userId })
    expect(await forget(bob)).toMatchObject({ status: 200 })
    expect(await isLeftInSync()).toBe(false)
  })

  it('holds after a restart, and for those who were banned', async () => {
    await alice.post(`rooms/${encodeURIComponent(roomId)}/ban`, { user_id: bob.userId })
    await forget(bob)
    await server.restart()
    expect(await isLeftInSync()).toBe(false)
  })

  it('ends with a new invitation, and joining gives the history back', async () => {
    await bob.leave(roomId)
    await forget(bob)
    const { next_batch: since } = await bob.sync()
    await alice.invite(roomId, bob.userId)
    expect((await bob.sync({ since })).rooms?.invite?.[roomId]).toBeDefined()
    await bob.join(roomId)
    const { chunk } = await bob.get(`rooms/${encodeURIComponent(roomId)}/messages`, { dir: 'b' })
    expect(chunk).toContainEqual(expect.objectContaining({ content: { msgtype: 'm.text', body: 'before' } }))
    await bob.leave(roomId)
    expect(await isLeftInSync()).toBe(true)
  })

  it('is told to the other processes of the deployment', async () => {
    await using other = await TestServer.start({ database: server.database })
    await bob.leave(roomId)
    const elsewhere = bob.at(other.url)
    await elsewhere.sync({ filter: withLeft })
    await forget(bob)
    const { next_batch: since } = await bob.sync()
    await elsewhere.sync({ since })
    expect((await elsewhere.sync({ filter: withLeft })).rooms?.leave?.[roomId]).toBeUndefined()
  })
})
