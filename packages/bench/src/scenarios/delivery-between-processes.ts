import { MatrixClient } from '../client/matrix-client.ts'
import { quantile } from '../load/statistics.ts'
import type { Measurements } from '../metrics.ts'
import type { Bench, Scenario } from '../scenario.ts'
import { deliveryDelays } from './delivery-latency.ts'

/** The same two people in the same room, on one process and then on two: the difference is the way between them. */
export const deliveryBetweenProcesses: Scenario = {
  name: 'delivery-between-processes',
  summary: 'What it adds to a delivery that the sender and the receiver are on different processes (several --base).',
  needsProcesses: true,

  async run(bench: Bench): Promise<Measurements> {
    const [first, second] = bench.https as [Bench['http'], Bench['http']]
    const [sender, receiver] = (await bench.population.clients(2)) as [MatrixClient, MatrixClient]
    const at = (http: Bench['http'], { session }: MatrixClient): MatrixClient => new MatrixClient(http, session)
    const roomId = await sender.createRoom()
    await receiver.join(roomId)
    const count = bench.scale.deliveries
    const there = at(first, receiver)
    const same = await deliveryDelays({ sender: at(first, sender), receiver: there, roomId, count })
    const other = await deliveryDelays({ sender: at(second, sender), receiver: there, roomId, count })
    const [sameP50, otherP50] = [quantile(same, 0.5), quantile(other, 0.5)]
    return {
      sameProcessP50: sameP50,
      sameProcessP99: quantile(same, 0.99),
      otherProcessP50: otherP50,
      otherProcessP99: quantile(other, 0.99),
      hopP50: otherP50 - sameP50,
    }
  },
}
