import type { Store } from '@hearth/store'
import type { Requester } from '../requester.ts'
import type { HistoryVisibility, Visible } from '../rooms/history-visibility.ts'
import { membershipOf } from '../rooms/membership-content.ts'
import type { Room } from '../rooms/room.ts'
import type { RoomEvents } from '../rooms/room-events.ts'
import type { ScannedEvent } from '../rooms/timeline-scan.ts'

/** Finds single events of a room that a reader may see, wherever they are in its history. */
export class VisibleEvents {
  readonly #store: Pick<Store, 'events'>
  readonly #events: RoomEvents
  readonly #visibility: HistoryVisibility

  constructor(deps: { store: Pick<Store, 'events'>; events: RoomEvents; visibility: HistoryVisibility }) {
    this.#store = deps.store
    this.#events = deps.events
    this.#visibility = deps.visibility
  }

  /** Those of these events that are in the room's timeline and that the reader may see, ignored users' too, in the order given. */
  async find(requester: Requester, room: Room, nids: readonly number[]): Promise<Visible<ScannedEvent>[]> {
    if (nids.length === 0) return []
    const rows = await this.#store.events.findByNids([...new Set(nids)])
    const points = rows.flatMap((row): ScannedEvent[] => {
      const { nid, streamPos, roomNid } = row
      if (streamPos === null || roomNid !== room.nid) return []
      return [
        { pos: streamPos, nid, stateNid: row.stateNid ?? room.head.stateNid, event: this.#events.parse(row), row },
      ]
    })
    const member = await this.#events.findStateWithNid(room.head.state, 'm.room.member', requester.userId)
    // Whoever is joined was so from their member event on: what came after it needs no look at the states of then.
    const joinedSince = membershipOf(member?.event) === 'join' ? member!.reference : Infinity
    const older = points.filter(({ pos }) => pos <= joinedSince)
    const judged = await this.#visibility.judge(room, requester.userId, { showsIgnored: true }).visible(older)
    const visible = new Map(judged.map((point) => [point.nid, point]))
    return points.flatMap((point) =>
      point.pos > joinedSince ? [{ ...point, membership: 'join' as const }] : (visible.get(point.nid) ?? []),
    )
  }
}
