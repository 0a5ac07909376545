import { statementsOf as allStatementsOf, TestServer, type TestClient } from '@hearth/test-kit'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { edit, reaction, reply } from './relating.ts'

// Deterministic figures only: times are measured by benchmarks.
describe('what relations cost', () => {
  let server: TestServer
  let alice: TestClient
  let bob: TestClient
  let roomId: string
  let root: string

  beforeAll(async () => {
    server = await TestServer.start()
    alice = await server.register('alice')
    bob = await server.register('bob')
    roomId = await alice.createRoom({ preset: 'public_chat' })
    await bob.join(roomId)
    root = await alice.sendText(roomId, 'root')
    await alice.send(roomId, 'm.reaction', reaction(root, 'warm'))
  })
  afterAll(() => server.stop())

  /** Those that have to do with sending and relations. */
  async function statementsOf(work: () => Promise<unknown>): Promise<string[]> {
    const names = await allStatementsOf(server, work)
    return names.filter((name) => /^(hearth_commit|relations|threads|events)/.test(name))
  }

  it('is one look at the parent and one commit for what relates to another event', async () => {
    const sent = [
      () => alice.send(roomId, 'm.room.message', reply(root, 'x')),
      () => alice.send(roomId, 'm.room.message', edit(root, 'x')),
      () => alice.send(roomId, 'm.reaction', reaction(root, '👍')),
    ]
    for (const send of sent) {
      expect((await statementsOf(send)).toSorted()).toEqual(['hearth_commit', 'relations.findTarget'])
    }
  })

  it('is nothing for a sync that follows the room', async () => {
    let since = (await bob.sync()).next_batch
    const statements = await statementsOf(async () => {
      for (let round = 0; round < 20; round += 1) {
        const waiting = bob.sync({ since, timeout: 30_000 })
        await alice.send(roomId, 'm.room.message', reply(root, `reply ${round}`))
        const answer = await waiting
        expect(answer.rooms!.join![roomId]!.timeline.events).toHaveLength(1)
        since = answer.next_batch
      }
    })
    expect(statements.filter((name) => name !== 'hearth_commit' && name !== 'relations.findTarget')).toEqual([])
  })

  it('is one statement for a page of events that nothing relates to, and a few for others', async () => {
    const other = await alice.createRoom()
    for (let n = 0; n < 20; n += 1) await alice.sendText(other, `message ${n}`)
    const page = (room: string, limit: number) =>
      statementsOf(() => alice.get(`rooms/${encodeURIComponent(room)}/messages`, { dir: 'b', limit }))
    await page(other, 20)
    expect((await page(other, 20)).filter((name) => name.startsWith('relations'))).toEqual(['relations.count'])
    const related = (await page(roomId, 100)).filter((name) => name.startsWith('relations'))
    expect(related.length).toBeLessThanOrEqual(5)
  })
})
