import { Deliveries } from '../federation/deliveries.ts'
import { ServedRoom } from '../federation/served-room.ts'
import { timed } from '../load/concurrency.ts'
import { median } from '../load/statistics.ts'
import type { Measurements } from '../metrics.ts'
import type { Bench, Scenario } from '../scenario.ts'

const arrivalLimitMs = 120_000

/** One event after the other to a room with members on 1,000 servers: each when all servers have the one before, then at once. */
export const federationSend: Scenario = {
  name: 'federation-send',
  summary: 'One event to 1,000 other servers, and transactions a second to them.',
  needsFederation: true,

  async run({ population, federation, scale }: Bench): Promise<Measurements> {
    const peers = await federation!.start(scale.destinations)
    try {
      const [client] = await population.clients(1)
      const served = ServedRoom.create(peers, { members: peers.length })
      const deliveries = new Deliveries(peers)
      await client!.joinThrough(served.resident.name, served.room.id)
      const send = (text: string) =>
        timed(() => Promise.all([deliveries.everywhere(text, arrivalLimitMs), client!.send(served.room.id, text)]))
      const first = await send('the first to everybody')
      const durations: number[] = []
      for (let turn = 0; turn < scale.eventsToDestinations; turn++)
        durations.push(await send(`number ${turn} to everybody`))
      // Now without waiting, so that every server is always being sent something.
      const before = deliveries.transactions
      const allMs = await timed(async () => {
        const last = deliveries.everywhere('the last to everybody', arrivalLimitMs)
        for (let turn = 0; turn < scale.eventsInARow; turn++) await client!.send(served.room.id, `${turn} in a row`)
        await Promise.all([last, client!.send(served.room.id, 'the last to everybody')])
      })
      return {
        toThousandServersFirst: first / 1000,
        toThousandServers: median(durations) / 1000,
        transactionsSent: (deliveries.transactions - before) / (allMs / 1000),
      }
    } finally {
      await federation!.end(peers)
    }
  },
}
