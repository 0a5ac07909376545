import type { EventId } from '@hearth/protocol'
import type { Queryable } from '../connection/queryable.ts'
import { storedEventId } from './event-id-bytes.ts'

/** A redaction whose target is not stored yet. */
export interface PendingRedaction {
  readonly nid: number
  readonly roomNid: number
  readonly targetId: EventId
}

/** Which redaction applies to which event. Written by the commits of redactions, and of targets that come after them. */
export class Redactions {
  readonly #db: Queryable

  constructor(db: Queryable) {
    this.#db = db
  }

  /**
   * The redactions that wait for these events. A target that is committed gives the redaction as `redactedBy` (when it may
   * redact this event) and its pruned JSON. Both are events of one room, so a redaction that is committed in between moves
   * the room's head and the target's commit is refused.
   */
  async findPending(eventIds: readonly EventId[]): Promise<PendingRedaction[]> {
    if (eventIds.length === 0) return []
    const byBytes = new Map(eventIds.map((eventId) => [storedEventId(eventId).bytes.toString('hex'), eventId]))
    const rows = await this.#db.read<{ nid: number; roomNid: number; target: Buffer }>(
      'redactions.findPending',
      'select nid, room_nid as "roomNid", target_id as target from redactions where target_id = any($1) order by nid',
      [eventIds.map((eventId) => storedEventId(eventId).bytes)],
    )
    return rows.map(({ nid, roomNid, target }) => ({ nid, roomNid, targetId: byBytes.get(target.toString('hex'))! }))
  }
}
