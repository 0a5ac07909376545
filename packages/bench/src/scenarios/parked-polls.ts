import { setTimeout as sleep } from 'node:timers/promises'

import { uniqueRoomFilter } from '../client/filters.ts'
import { mapConcurrently } from '../load/concurrency.ts'
import type { Measurements } from '../metrics.ts'
import type { Bench, Scenario } from '../scenario.ts'

const waitMs = 600_000
const settleMs = 5000
const pollsAtOnce = 100

/**
 * Requests that wait for an event that never comes, and what each costs the server in memory. It needs a fresh server:
 * one that has worked hard keeps memory that it does not use, and parks the requests there.
 */
export const parkedPolls: Scenario = {
  name: 'parked-polls',
  summary:
    'Memory of the server for each of 10,000 waiting syncs (needs --pid unless the benchmark starts the server).',
  onlyFirstRound: true,

  async run(bench: Bench): Promise<Measurements> {
    if (!(await bench.figures.memory())) return {}
    const { members } = await bench.population.makeLargeRoom(bench.scale.parkedAccounts)
    const positions = await mapConcurrently(
      members,
      16,
      async (client) => (await client.sync({ filter: uniqueRoomFilter(1) })).next_batch,
    )
    await sleep(settleMs)
    const idle = await bench.figures.memory()

    const end = new AbortController()
    const polls: Promise<never>[] = []
    const wait = async (index: number): Promise<never> => {
      const member = index % members.length
      // A filter of its own for each request of a device: a server may answer equal requests with one.
      const request = { timeoutMs: waitMs, filter: uniqueRoomFilter(10), signal: end.signal }
      let since = positions[member] as string
      // A server may have a limit of its own for waiting.
      for (;;) since = (await (members[member] as (typeof members)[0]).sync({ ...request, since })).next_batch
    }
    try {
      while (polls.length < bench.scale.parkedPolls) {
        for (let added = 0; added < pollsAtOnce; added++) polls.push(wait(polls.length))
        // Once this is answered, the requests before it have been taken on: none of them waits at the door for a minute.
        await Promise.race([bench.http.send({ method: 'GET', path: '/_matrix/client/versions' }), ...polls.slice(-1)])
      }
      await Promise.race([sleep(settleMs), ...polls])
      const parked = await bench.figures.memory()
      return idle && parked ? { parkedPollMemory: (parked.own - idle.own) / polls.length / 1000 } : {}
    } finally {
      end.abort()
      await Promise.allSettled(polls)
    }
  },
}
