import type { MatrixClient } from '../client/matrix-client.ts'
import { mapConcurrently, timed } from '../load/concurrency.ts'
import { quantile } from '../load/statistics.ts'
import type { Measurements } from '../metrics.ts'
import type { Population } from '../population.ts'
import type { Bench, Scenario } from '../scenario.ts'

const pageSize = 50
const pagesInRoom = 10
const prepared = new WeakMap<Population, Promise<{ client: MatrixClient; roomId: string }>>()

/** Pages back through a room, again and again from its end. */
export const history: Scenario = {
  name: 'history',
  summary: 'Pages of 50 events of a room’s history.',

  async run(bench: Bench): Promise<Measurements> {
    const room = prepared.get(bench.population) ?? roomWithHistory(bench.population)
    prepared.set(bench.population, room)
    const { client, roomId } = await room
    const durations: number[] = []
    let from: string | undefined
    for (let page = 0; page < bench.scale.historyPages; page++) {
      if (page % pagesInRoom === 0) from = undefined
      durations.push(
        await timed(async () => {
          const { chunk, end } = await client.messagesBefore(roomId, from, pageSize)
          if (chunk.length !== pageSize) throw new Error(`a page had ${chunk.length} events instead of ${pageSize}`)
          from = end
        }),
      )
    }
    return { messagesP50: quantile(durations, 0.5), messagesP99: quantile(durations, 0.99) }
  },
}

async function roomWithHistory(population: Population): Promise<{ client: MatrixClient; roomId: string }> {
  const clients = await population.clients(4)
  const [client, ...others] = clients as [MatrixClient, ...MatrixClient[]]
  const roomId = await client.createRoom()
  for (const other of others) await other.join(roomId)
  const turns = Array.from({ length: pageSize * pagesInRoom }, (_, index) => index)
  await mapConcurrently(turns, 4, (turn) =>
    (clients[turn % clients.length] as MatrixClient).send(roomId, `history ${turn}`),
  )
  return { client, roomId }
}
