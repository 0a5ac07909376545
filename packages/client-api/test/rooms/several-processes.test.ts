import { TestServer, type TestClient } from '@hearth/test-kit'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'

describe('a process of several', () => {
  let one: TestServer
  let two: TestServer
  let alice: TestClient
  let bob: TestClient
  let bobAtTwo: TestClient

  beforeAll(async () => {
    one = await TestServer.start()
    two = await TestServer.start({ database: one.database })
    alice = await one.register('alice')
    bob = await one.register('bob')
    bobAtTwo = bob.following(() => two.url)
  })
  afterAll(async () => {
    await two.stop()
    await one.stop()
  })

  it('refuses nobody for what another has committed since it looked', async () => {
    for (let round = 0; round < 5; round++) {
      const roomId = await alice.createRoom({ preset: 'public_chat' })
      const send = (n: number) =>
        bobAtTwo.request('PUT', `rooms/${roomId}/send/m.room.message/t${n}`, {
          body: { msgtype: 'm.text', body: 'hello' },
        })
      expect((await send(1)).status).toBe(403)
      await bob.join(roomId)
      expect((await send(2)).status).toBe(200)
      expect((await bobAtTwo.request('GET', `rooms/${roomId}/messages`, { query: { dir: 'b' } })).status).toBe(200)
    }
  })

  it('goes on with a walk through a space that began on another', async () => {
    const root = await alice.createRoom({ preset: 'public_chat', creation_content: { type: 'm.space' } })
    for (let n = 0; n < 5; n++) {
      const child = await alice.createRoom({ preset: 'public_chat' })
      await alice.setState(root, 'm.space.child', { via: ['hearth.test'], order: String(n) }, child)
    }
    const path = `/_matrix/client/v1/rooms/${encodeURIComponent(root)}/hierarchy`
    const seen: unknown[] = []
    let from: string | undefined
    let turns = 0
    do {
      const client = turns % 2 ? bob : bobAtTwo
      const page = await client.get(path, { limit: 1, from })
      seen.push(...(page['rooms'] as { room_id: string }[]).map((room) => room.room_id))
      from = page['next_batch'] as string | undefined
    } while (from !== undefined && ++turns < 20)
    expect(new Set(seen).size).toBe(6)
    expect(seen).toHaveLength(6)
  })
})
