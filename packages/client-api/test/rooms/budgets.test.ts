import { statementsOf as namesOfStatements, TestServer, type TestClient } from '@hearth/test-kit'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'

// Deterministic figures only: times are measured by benchmarks.
describe('what a message costs', () => {
  let server: TestServer
  let alice: TestClient
  const rooms: string[] = []

  beforeAll(async () => {
    server = await TestServer.start()
    alice = await server.register('alice')
    for (let n = 0; n < 50; n += 1) rooms.push(await alice.createRoom({ preset: 'public_chat' }))
  })
  afterAll(() => server.stop())

  /** Statements that the database was sent meanwhile, those of consumers and snapshots of state that were due included. */
  async function statementsOf(work: () => Promise<unknown>): Promise<number> {
    const before = server.store.database.statements
    await work()
    return server.store.database.statements - before
  }

  it('takes at most two statements when nothing else is going on', async () => {
    await alice.sendText(rooms[0]!, 'warm')
    const fifty = () =>
      statementsOf(async () => {
        for (let n = 0; n < 50; n += 1) await alice.sendText(rooms[0]!, `message ${n}`)
      })
    // What the server does by the clock is spread over fewer messages when the machine is busy with something else.
    const statements = Math.min(await fifty(), await fifty(), await fifty())
    expect(statements / 50).toBeLessThanOrEqual(2)
  })

  it('takes at most 0.3 statements when many are sent at once', async () => {
    await Promise.all(rooms.map((roomId) => alice.sendText(roomId, 'warm')))
    const messages = 50 * 20
    const statements = await statementsOf(() =>
      Promise.all(
        rooms.map(async (roomId) => {
          for (let n = 0; n < 20; n += 1) await alice.sendText(roomId, `message ${n}`)
        }),
      ),
    )
    expect(statements / messages).toBeLessThanOrEqual(0.3)
  })

  it('shares commits among those who send to one room', async () => {
    await alice.sendText(rooms[1]!, 'warm')
    const statements = await statementsOf(() =>
      Promise.all(Array.from({ length: 300 }, (_, n) => alice.sendText(rooms[1]!, `message ${n}`))),
    )
    // How many share one depends on how they arrive.
    expect(statements / 300).toBeLessThan(0.8)
  })

  it('shares commits and the numbering of names among those who are invited to one room', async () => {
    await alice.invite(rooms[2]!, '@warm:hearth.test')
    const names = await namesOfStatements(server, () =>
      Promise.all(Array.from({ length: 200 }, (_, n) => alice.invite(rooms[2]!, `@invited${n}:hearth.test`))),
    )
    const inTheRoomsTurn = names.filter((name) => /^(hearth_commit|state_keys|users\.insert)/.test(name))
    expect(inTheRoomsTurn.length / 200).toBeLessThan(0.8)
  })
})
