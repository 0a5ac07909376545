import type { MatrixClient } from '../client/matrix-client.ts'
import { mapConcurrently, timed } from '../load/concurrency.ts'
import { median } from '../load/statistics.ts'
import type { Measurements } from '../metrics.ts'
import type { Population } from '../population.ts'
import type { Bench, Scenario } from '../scenario.ts'

const pageSize = 100
const requests = 20
const prepared = new WeakMap<Population, Promise<Directory>>()

interface Directory {
  readonly client: MatrixClient
  /** A token of the middle of the list. */
  readonly middle: string
}

/**
 * The public directory of a server with 100,000 public rooms. They are made as clients make them, one by one: nothing of
 * the server's database is known here.
 */
export const publicRooms: Scenario = {
  name: 'public-rooms',
  summary: 'Pages and searches of 100,000 public rooms, which are made first.',
  onlyFull: true,

  async run({ population, scale }: Bench): Promise<Measurements> {
    const directory = prepared.get(population) ?? directoryOf(population, scale.publicRooms)
    prepared.set(population, directory)
    const { client, middle } = await directory
    return {
      publicRoomsFirst: await medianOf(pageSize, () => client.publicRooms({ limit: pageSize })),
      publicRoomsDeep: await medianOf(pageSize, () => client.publicRooms({ limit: pageSize, since: middle })),
      publicRoomsSearch: await medianOf(1, () => client.publicRooms({ limit: pageSize, term: 'NUMBER 77 OF' })),
      publicRoomsVain: await medianOf(0, () => client.publicRooms({ limit: pageSize, term: 'no such room' })),
    }
  },
}

async function medianOf(expected: number, ask: () => Promise<{ chunk: readonly unknown[] }>): Promise<number> {
  const durations: number[] = []
  for (let turn = 0; turn < requests; turn++) {
    durations.push(
      await timed(async () => {
        const { chunk } = await ask()
        if (chunk.length !== expected) throw new Error(`a page had ${chunk.length} rooms instead of ${expected}`)
      }),
    )
  }
  return median(durations)
}

async function directoryOf(population: Population, size: number): Promise<Directory> {
  const clients = (await population.clients(20)) as [MatrixClient, ...MatrixClient[]]
  await mapConcurrently(Array.from({ length: size }), 32, (_, index) =>
    (clients[index % clients.length] as MatrixClient).createRoom({
      visibility: 'public',
      name: `Room number ${index} of many`,
      topic: `What room ${index} is about, in a sentence as long as people write them`,
    }),
  )
  const [client] = clients
  let middle: string | undefined
  for (let seen = 0; seen < size / 2; seen += 500) {
    const page = await client.publicRooms({ limit: 500, since: middle })
    middle = page.next_batch ?? middle
  }
  if (middle === undefined) throw new Error(`${size} rooms are too few to be paged through`)
  return { client, middle }
}
