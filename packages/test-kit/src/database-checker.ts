import type { RoomId } from '@hearth/protocol'
import { createLogger } from '@hearth/runtime'
import { Store } from '@hearth/store'
import { checkEvents } from './database-checker/check-events.ts'
import { checkGraph } from './database-checker/check-graph.ts'
import { checkState } from './database-checker/check-state.ts'
import { checkStatistics } from './database-checker/check-statistics.ts'
import { checkStream, type StreamPositions } from './database-checker/check-stream.ts'
import { readRoom } from './database-checker/stored-room.ts'

export interface DatabaseCheck extends StreamPositions {
  /** What contradicts what, a line each; empty when everything fits. */
  readonly problems: readonly string[]
}

export interface DatabaseCheckOptions {
  readonly url: string
  readonly serverName: string
  /** Whether what is derived by consumers of the stream is up to date and to be checked too. */
  readonly statistics?: boolean
}

const maxProblems = 50

/**
 * Walks a database at rest and recomputes what is derived in it: event ids and hashes, forward extremities, states,
 * memberships, positions. Reads rows only, and so sees what a server that starts on it would.
 */
export async function checkDatabase({ url, serverName, statistics }: DatabaseCheckOptions): Promise<DatabaseCheck> {
  const store = await Store.open({ url, logger: createLogger({ level: 'error' }), migrate: false, poolSize: 2 })
  const problems: string[] = []
  const complain = (problem: string): void => {
    if (problems.length < maxProblems) problems.push(problem)
  }
  try {
    const rooms = await store.database.query<{ nid: number; roomId: RoomId; version: string }>(
      null,
      'select nid, room_id as "roomId", version from rooms where not deleting order by nid',
    )
    for (const row of rooms) {
      const complainOfRoom = (problem: string): void => complain(`room ${row.nid}: ${problem}`)
      const room = await readRoom(store, row, complainOfRoom)
      if (!room) continue
      await checkEvents(store, room, complainOfRoom)
      await checkGraph(store, room, complainOfRoom)
      await checkState(store, room, serverName, complainOfRoom)
    }
    if (statistics) await checkStatistics(store, complain)
    return { ...(await checkStream(store, complain)), problems }
  } finally {
    await store.close()
  }
}
