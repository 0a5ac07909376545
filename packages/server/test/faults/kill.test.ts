import { createTestDatabase, RedisServer, SeededRandom, ServerProcess } from '@hearth/test-kit'
import { describe, it } from 'vitest'
import { faults, type FaultName } from './faults.ts'
import { chosenSeed, playRounds } from './play-rounds.ts'

// `npm run test:faults` plays many more rounds (kill.faults.test.ts).
describe('killed in the middle of it', { timeout: 300_000 }, () => {
  it('[F-1] [F-6] [F-7] a server loses, doubles and skips nothing', async () => {
    const random = new SeededRandom(chosenSeed())
    await using server = await ServerProcess.start()
    const names: FaultName[] = ['server', 'postgres', 'everything']
    const rounds = names.map((name) => ({ name, fault: () => faults[name](server, random) }))
    await playRounds([server], random, rounds)
  })

  it('[F-1] one of two processes on a database loses, doubles and skips nothing', async () => {
    await using database = await createTestDatabase()
    await using redis = await RedisServer.start()
    const settings = { HEARTH_REDIS_URL: redis.url }
    await using one = await ServerProcess.start({ database, settings })
    await using other = await ServerProcess.start({ database, settings, beside: one })
    const flushed = async () => {
      await redis.flush()
      await faults.server(one)
    }
    const rounds = [{ name: 'one, and Redis emptied', fault: flushed }]
    await playRounds([one, other], new SeededRandom(chosenSeed()), rounds)
  })
})
