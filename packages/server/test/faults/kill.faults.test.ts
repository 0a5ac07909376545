import { createTestDatabase, checkDatabase, SeededRandom, ServerProcess } from '@hearth/test-kit'
import { setTimeout as sleep } from 'node:timers/promises'
import { describe, expect, it } from 'vitest'
import { faults, type FaultName } from './faults.ts'
import { chosenSeed, playRounds } from './play-rounds.ts'

const seed = chosenSeed()
const names = Object.keys(faults) as FaultName[]

describe('killed in the middle of it', () => {
  // 5 deployments of 10 rounds: histories stay short enough to be looked at in full after each round.
  it.each([0, 1, 2, 3, 4])('[F-1] [F-6] [F-7] deployment %i loses, doubles and skips nothing', async (deployment) => {
    const random = new SeededRandom(seed + deployment)
    await using server = await ServerProcess.start()
    const rounds = Array.from({ length: 10 }, (_, index) => {
      // Every fault comes up, in another order each time.
      const name = names[(deployment * 10 + index) % names.length]!
      return { name, fault: () => faults[name](server, random) }
    })
    await playRounds([server], random, rounds)
  })

  it('[F-1] one of two processes on a database loses, doubles and skips nothing', async () => {
    const random = new SeededRandom(seed)
    await using database = await createTestDatabase()
    await using one = await ServerProcess.start({ database })
    await using other = await ServerProcess.start({ database, beside: one })
    const rounds = Array.from({ length: 10 }, (_, index) => {
      const [name, server] = index % 2 === 0 ? (['one', one] as const) : (['the other', other] as const)
      return { name, fault: () => faults[index % 5 === 4 ? 'stop' : 'server'](server) }
    })
    await playRounds([one, other], random, rounds)
  })

  it('[F-6] a server that was killed while it started for the first time starts', async () => {
    const random = new SeededRandom(seed)
    for (let round = 0; round < 10; round += 1) {
      await using server = await ServerProcess.prepare()
      const delays = [random.below(1_500), random.below(2_500)]
      for (const delayMs of delays) {
        server.spawn()
        await sleep(delayMs)
        await (random.chance(50) ? server.kill() : server.killAll())
      }
      await server.launch()
      const alice = await server.register('alice')
      await alice.sendText(await alice.createRoom(), 'hello')
      const { problems } = await checkDatabase({ url: server.databaseUrl, serverName: 'hearth.test' })
      expect(problems, `seed ${seed}, round ${round + 1}, killed after ${delays.join(' and ')} ms`).toEqual([])
    }
  })
})
