import {
  createTestDatabase,
  checkDatabase,
  DatabaseProxy,
  RedisServer,
  SeededRandom,
  ServerProcess,
} from '@hearth/test-kit'
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

  it('processes of each role, with Redis and the database away in turn, lose, double and skip nothing', async () => {
    const random = new SeededRandom(seed)
    await using database = await createTestDatabase()
    await using redis = await RedisServer.start()
    await using proxy = await DatabaseProxy.listen(database.url)
    const roles = ['all', 'client,federation-in', 'federation-out,jobs', 'client,media'] as const
    const settingsOf = (role: string) => ({ HEARTH_REDIS_URL: redis.url, HEARTH_ROLES: role })
    const reached = { ...database, url: proxy.url }
    const [first, ...others] = roles
    const processes = [await ServerProcess.start({ database: reached, settings: settingsOf(first) })]
    for (const role of others) {
      const [beside] = processes as [ServerProcess]
      processes.push(await ServerProcess.start({ database: reached, settings: settingsOf(role), beside }))
    }
    await using stack = new AsyncDisposableStack()
    for (const process of processes) stack.use(process)
    const rounds = [
      ...processes.map((process, index) => ({ name: roles[index]!, fault: () => faults.server(process) })),
      {
        name: 'Redis emptied again and again',
        async fault() {
          for (let n = 0; n < 5; n += 1) {
            await redis.flush()
            await sleep(1_000)
          }
        },
      },
      {
        name: 'Redis killed',
        async fault() {
          await redis.kill()
          await sleep(3_000)
          await redis.launch()
        },
      },
      {
        name: 'Redis slow',
        async fault() {
          redis.pause()
          await sleep(5_000)
          redis.resume()
        },
      },
      {
        name: 'the database away for 20 s',
        async fault() {
          proxy.refuse()
          await sleep(20_000)
          proxy.resume()
        },
      },
    ]
    const clients = processes.filter((_process, index) => !roles[index]!.startsWith('federation-out'))
    await playRounds(clients, random, rounds)
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
