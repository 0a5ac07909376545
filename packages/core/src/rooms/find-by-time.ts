import type { EventRow, Store } from '@hearth/store'
import type { Room } from './room.ts'

const chunkSize = 50
/** Events that are looked at, however few of them may be seen. */
const maxLookedAt = 2_000

/**
 * The event of a room that is closest to a time, in milliseconds since the epoch, among those that `pick` finds one in: it
 * is given them in order, some at a time.
 */
export async function findByTime<Found>(
  store: Store,
  room: Room,
  { ts, upTo, direction }: { readonly ts: number; readonly upTo: number; readonly direction: 'b' | 'f' },
  pick: (rows: readonly EventRow[]) => Promise<Found | undefined>,
): Promise<Found | undefined> {
  let from = { ts, nid: direction === 'f' ? Number.MIN_SAFE_INTEGER : Number.MAX_SAFE_INTEGER }
  for (let lookedAt = 0; lookedAt < maxLookedAt; lookedAt += chunkSize) {
    const rows = await store.events.listByTime(room.nid, { from, upTo, direction, limit: chunkSize })
    const found = await pick(rows)
    if (found !== undefined) return found
    const last = rows.at(-1)
    if (!last || rows.length < chunkSize) return undefined
    from = { ts: last.ts, nid: last.nid }
  }
  return undefined
}
