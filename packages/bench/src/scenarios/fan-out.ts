import { setTimeout as sleep } from 'node:timers/promises'

import { mapConcurrently } from '../load/concurrency.ts'
import { median, quantile } from '../load/statistics.ts'
import type { Measurements } from '../metrics.ts'
import type { Bench, Scenario } from '../scenario.ts'
import { WaitingSync } from './waiting-sync.ts'

/** Long enough for the last of the requests to be parked, also at a server that needs milliseconds for each. */
const parkingMsPerMember = 15
const minimumParkingMs = 1000

/** One message to a large room in which every member waits. */
export const fanOut: Scenario = {
  name: 'fan-out',
  summary: 'One message to every waiting sync of a large room (1,000 members).',

  async run(bench: Bench): Promise<Measurements> {
    const { roomId, sender, members } = await bench.population.largeRoom()
    const syncs = members.map((client) => new WaitingSync({ client, roomId }))
    await mapConcurrently(syncs, 16, (sync) => sync.catchUp())
    const last: number[] = []
    const middle: number[] = []
    for (let turn = 0; turn < bench.scale.fanOuts; turn++) {
      const body = `fan-out ${turn} at ${Date.now()}`
      let waiting = 0
      const arrivals = Promise.all(syncs.map((sync) => sync.untilMessage(body, () => waiting++)))
      while (waiting < syncs.length) await sleep(50)
      await sleep(Math.max(minimumParkingMs, parkingMsPerMember * syncs.length))
      const start = performance.now()
      await sender.send(roomId, body)
      const delays = (await arrivals).map((arrivedAt) => arrivedAt - start)
      last.push(Math.max(...delays))
      middle.push(quantile(delays, 0.5))
    }
    return { fanOutLast: median(last), fanOutP50: median(middle) }
  },
}
