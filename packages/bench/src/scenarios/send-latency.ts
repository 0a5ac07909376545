import { timed } from '../load/concurrency.ts'
import { quantile } from '../load/statistics.ts'
import type { Measurements } from '../metrics.ts'
import type { Bench, Scenario } from '../scenario.ts'

/** One client sends one message after the other and nobody syncs. */
export const sendLatency: Scenario = {
  name: 'send-latency',
  summary: 'How long one client waits for the answer to a send.',

  async run(bench: Bench): Promise<Measurements> {
    const { senders } = await bench.population.smallRooms()
    const { client, rooms } = senders[0] as (typeof senders)[0]
    const latencies: number[] = []
    for (let turn = 0; turn < bench.scale.singleSends; turn++) {
      latencies.push(await timed(() => client.send(rooms[0] as string, `message ${turn}`)))
    }
    return { sendP50: quantile(latencies, 0.5), sendP99: quantile(latencies, 0.99) }
  },
}
