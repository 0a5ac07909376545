import { statementsOf, TestServer, type TestClient } from '@hearth/test-kit'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'

// Deterministic figures only: times are measured by benchmarks.
describe('what messages to devices cost', () => {
  const rounds = 20
  let server: TestServer
  let alice: TestClient
  let bob: TestClient

  beforeAll(async () => {
    server = await TestServer.start()
    ;[alice, bob] = [await server.register('alice'), await server.register('bob')]
  })
  afterAll(() => server.stop())

  /** How often which statement about them is sent meanwhile. */
  async function statementsToDevices(work: () => Promise<void>): Promise<Record<string, number>> {
    const counts: Record<string, number> = {}
    for (const name of await statementsOf(server, work)) {
      if (name.startsWith('toDevice.')) counts[name] = (counts[name] ?? 0) + 1
    }
    return counts
  }

  it('is one read and one deletion for the device that gets one', async () => {
    let { next_batch: since } = await bob.sync()
    const statements = await statementsToDevices(async () => {
      for (let round = 0; round < rounds; round += 1) {
        const waiting = bob.sync({ since, timeout: 30_000 })
        await alice.put(`sendToDevice/m.dummy/${round}`, { messages: { [bob.userId]: { '*': {} } } })
        const answer = await waiting
        expect(answer.to_device!.events).toHaveLength(1)
        since = (await bob.sync({ since: answer.next_batch })).next_batch
      }
    })
    expect(statements).toEqual({ 'toDevice.list': rounds, 'toDevice.deleteUpTo': rounds })
  })

  it('is nothing for devices that get none, after they have synced once', async () => {
    let { next_batch: since } = await alice.sync()
    const statements = await statementsToDevices(async () => {
      for (let round = 0; round < rounds; round += 1) {
        await alice.createRoom()
        since = (await alice.sync({ since })).next_batch
      }
    })
    expect(statements).toEqual({})
  })
})
