import { mapConcurrently, timed } from '../load/concurrency.ts'
import type { Measurements } from '../metrics.ts'
import type { Bench, Scenario } from '../scenario.ts'
import { WaitingSync } from './waiting-sync.ts'

const clientsAtOnce = 32

/** One message, and then every member of the large room fetches it: each request is another device's, so none is cached. */
export const incrementalSync: Scenario = {
  name: 'incremental-sync',
  summary: 'Incremental syncs a second, each of another device and returning one new event.',

  async run(bench: Bench): Promise<Measurements> {
    const { roomId, sender, members } = await bench.population.largeRoom()
    const syncs = members.map((client) => new WaitingSync({ client, roomId }))
    await mapConcurrently(syncs, clientsAtOnce, (sync) => sync.catchUp())
    let spentMs = 0
    for (let turn = 0; turn < bench.scale.fanOuts; turn++) {
      await sender.send(roomId, `news ${turn}`)
      spentMs += await timed(() => mapConcurrently(syncs, clientsAtOnce, (sync) => sync.takeOne()))
    }
    return { incrementalSyncs: (syncs.length * bench.scale.fanOuts) / (spentMs / 1000) }
  },
}
