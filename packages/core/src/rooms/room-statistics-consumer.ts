import type { ConsumedPage, StoredChange, StreamConsumer, Tables } from '@hearth/store'
import { refreshRoomStatistics } from './refresh-room-statistics.ts'

/**
 * Keeps what the directory shows of each room. It follows the stream, so that sending an event does not wait for it, and
 * reads the current state, so that doing the same work twice gives the same row.
 */
export class RoomStatisticsConsumer implements StreamConsumer<StoredChange> {
  readonly name = 'room-statistics'
  readonly startAt = 'beginning'
  readonly wokenBy = 'state'
  readonly stateOnly = true

  async handle({ changes, upTo }: ConsumedPage<StoredChange>, tx: Tables): Promise<void> {
    const roomNids = new Set<number>()
    for (const change of changes) {
      const isShown = change.kind === 'event' && (change.event.stateKeyNid !== null || change.redactedNid !== null)
      if (isShown) roomNids.add(change.event.roomNid)
    }
    if (roomNids.size > 0) await refreshRoomStatistics([...roomNids], upTo, tx)
  }
}
