import { notFound, type EventId, type RoomId, type ServerName } from '@hearth/protocol'
import type { Store } from '@hearth/store'
import { findByTime } from '../find-by-time.ts'
import type { ServerAccess } from './server-access.ts'
import { isServable } from './server-visibility.ts'

/** Finds events by when they were sent, for other servers. */
export class ServedEventByTime {
  readonly #store: Store
  readonly #access: ServerAccess

  constructor(deps: { store: Store; access: ServerAccess }) {
    this.#store = deps.store
    this.#access = deps.access
  }

  /**
   * The event closest to a time, in milliseconds since the epoch, that the server may see: the first one from then on with
   * direction `f`, the last one up to then with `b`.
   * {@link https://spec.matrix.org/v1.19/server-server-api/#get_matrixfederationv1timestamp_to_eventroomid}
   *
   * @throws MatrixError M_FORBIDDEN for servers that may not ask about the room, M_NOT_FOUND where there is no such event.
   */
  async find(
    origin: ServerName,
    roomId: RoomId,
    ts: number,
    direction: 'b' | 'f',
  ): Promise<{ eventId: EventId; originServerTs: number }> {
    const { room, judge } = await this.#access.enter(roomId, origin)
    const range = { upTo: room.head.lastPos, ts, direction }
    const found = await findByTime(this.#store, room, range, async (rows) => {
      const visible = await judge.visible(rows)
      return rows.find((row, index) => visible[index] && isServable(row))
    })
    if (!found) throw notFound(`There is no event ${direction === 'f' ? 'from' : 'up to'} that time`)
    return { eventId: found.eventId, originServerTs: found.ts }
  }
}
