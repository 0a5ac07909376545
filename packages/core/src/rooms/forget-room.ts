import { MatrixError, notFound, type RoomId } from '@hearth/protocol'
import type { Store } from '@hearth/store'
import type { Requester } from '../requester.ts'
import type { ForgottenRoomChange } from '../sync/change.ts'
import type { StreamFeed } from '../sync/stream-feed.ts'

/**
 * Puts a room that a user has left out of their sight. A new invitation or a new join brings it back.
 * {@link https://spec.matrix.org/v1.19/client-server-api/#post_matrixclientv3roomsroomidforget}
 */
export class ForgetRoom {
  readonly #store: Store
  readonly #feed: StreamFeed

  constructor(deps: { store: Store; feed: StreamFeed }) {
    this.#store = deps.store
    this.#feed = deps.feed
  }

  /**
   * Forgets a room; one that the user never was in is forgotten already.
   *
   * @throws MatrixError M_NOT_FOUND for a room that this server knows nothing of, M_UNKNOWN for one they have not left.
   */
  async forget({ userNid }: Requester, roomId: RoomId): Promise<void> {
    const room = await this.#store.rooms.find(roomId)
    if (!room) throw notFound('Unknown room')
    const { membership } = (await this.#store.localMemberships.find(userNid, room.nid)) ?? {}
    if (membership !== undefined && membership !== 'leave' && membership !== 'ban') {
      throw new MatrixError('M_UNKNOWN', 'Leave the room before you forget it', { status: 400 })
    }
    const pos = await this.#feed.writing(() => this.#store.localMemberships.forget(userNid, room.nid))
    if (pos === undefined) return
    const change: ForgottenRoomChange = { kind: 'forgotten-room', pos, userNid, roomNid: room.nid }
    this.#feed.publish({ firstPos: pos, count: 1, changes: [change] })
    await this.#feed.reached(pos)
  }
}
