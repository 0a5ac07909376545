import { statementsOf, TestServer, type TestClient } from '@hearth/test-kit'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'

// Deterministic figures only: times are measured by benchmarks.
describe('what typing and receipts cost', () => {
  const rounds = 50
  let server: TestServer
  let alice: TestClient
  let bob: TestClient
  let roomId: string

  beforeAll(async () => {
    server = await TestServer.start()
    ;[alice, bob] = [await server.register('alice'), await server.register('bob')]
    roomId = await alice.createRoom({ preset: 'public_chat' })
    await bob.join(roomId)
  })
  afterAll(() => server.stop())

  const typing = (isTyping: boolean) =>
    bob.put(`rooms/${encodeURIComponent(roomId)}/typing/${encodeURIComponent(bob.userId)}`, { typing: isTyping })

  it('is no statement for who types, nor for who hears of it', async () => {
    let { next_batch: since } = await alice.sync()
    const statements = await statementsOf(server, async () => {
      for (let round = 0; round < rounds; round += 1) {
        const waiting = alice.sync({ since, timeout: 30_000 })
        await typing(round % 2 === 0)
        const answer = await waiting
        expect(answer.rooms!.join![roomId]!.ephemeral!.events).toHaveLength(1)
        since = answer.next_batch
      }
    })
    expect(statements).toEqual([])
  })

  it('is two statements for a receipt, and none for who hears of it', async () => {
    const eventIds: string[] = []
    for (let n = 0; n < rounds; n += 1) eventIds.push(await alice.sendText(roomId, `message ${n}`))
    let { next_batch: since } = await alice.sync()
    const statements = await statementsOf(server, async () => {
      for (const eventId of eventIds) {
        const waiting = alice.sync({ since, timeout: 30_000 })
        await bob.post(`rooms/${encodeURIComponent(roomId)}/receipt/m.read/${encodeURIComponent(eventId)}`)
        const answer = await waiting
        expect(answer.rooms!.join![roomId]!.ephemeral!.events).toHaveLength(1)
        since = answer.next_batch
      }
    })
    expect(statements.filter((name) => name === 'receipts.advance')).toHaveLength(rounds)
    expect(statements.length).toBeLessThanOrEqual(2 * rounds)
  })
})
