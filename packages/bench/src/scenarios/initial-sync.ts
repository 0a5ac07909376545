import { uniqueRoomFilter } from '../client/filters.ts'
import type { MatrixClient } from '../client/matrix-client.ts'
import { mapConcurrently, timed } from '../load/concurrency.ts'
import { costOfLargeAnswers } from '../load/large-answers.ts'
import { median } from '../load/statistics.ts'
import type { Measurements } from '../metrics.ts'
import type { Population } from '../population.ts'
import type { Bench, Scenario } from '../scenario.ts'

const eventsInRoom = 20

const prepared = new WeakMap<Population, Map<number, Promise<MatrixClient>>>()

/** The first sync of a device whose account is in 100 rooms. */
export const initialSync: Scenario = {
  name: 'initial-sync',
  summary: 'The first sync of an account in 100 rooms, 20 events of each.',

  async run({ population, scale }: Bench): Promise<Measurements> {
    const rooms = scale.initialSyncRooms
    const client = await preparedReader(rooms, population)
    const durations: number[] = []
    for (let turn = 0; turn < scale.initialSyncs; turn++) durations.push(await timed(() => syncAll(client, rooms)))
    return { initialSync100: median(durations) }
  },
}

/** The same in 1,000 rooms, and what that takes: 20,000 messages have to be sent first. */
export const largeInitialSync: Scenario = {
  name: 'initial-sync-1000',
  summary: 'The first sync of an account in 1,000 rooms, 20 events of each, and what that takes.',
  onlyFull: true,

  async run({ population, scale, figures }: Bench): Promise<Measurements> {
    const client = await preparedReader(1000, population)
    const cost = await costOfLargeAnswers(figures, scale.initialSyncs, () => syncAll(client, 1000))
    return {
      initialSync1000: cost.durationMs,
      ...(cost.memoryMB !== undefined && { initialSync1000Memory: cost.memoryMB }),
      ...(cost.stallMs !== undefined && { initialSync1000Stall: cost.stallMs }),
    }
  },
}

/** Made once for all rounds. */
function preparedReader(rooms: number, population: Population): Promise<MatrixClient> {
  const known = prepared.get(population) ?? new Map<number, Promise<MatrixClient>>()
  prepared.set(population, known)
  const reader = known.get(rooms) ?? readerOf(rooms, population)
  known.set(rooms, reader)
  return reader
}

async function syncAll(client: MatrixClient, rooms: number): Promise<void> {
  const response = await client.sync({ filter: uniqueRoomFilter(eventsInRoom) })
  const joined = Object.values(response.rooms?.join ?? {})
  const complete = joined.filter(({ timeline }) => timeline.events.length === eventsInRoom).length
  if (complete !== rooms) throw new Error(`an initial sync returned ${complete} complete rooms instead of ${rooms}`)
}

/** Four others made the rooms and wrote in them. */
async function readerOf(rooms: number, population: Population): Promise<MatrixClient> {
  const [reader, ...writers] = (await population.clients(5)) as [MatrixClient, ...MatrixClient[]]
  await mapConcurrently(Array.from({ length: rooms }), writers.length, async (_, index) => {
    const writer = writers[index % writers.length] as MatrixClient
    const roomId = await writer.createRoom()
    await reader.join(roomId)
    for (let turn = 0; turn < eventsInRoom; turn++) await writer.send(roomId, `history ${turn}`)
  })
  return reader
}
