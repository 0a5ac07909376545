import type { StreamFeed } from '../sync/stream-feed.ts'
import type { Room } from './room.ts'
import type { RoomRegistry } from './room-registry.ts'

/** Rooms for those who show a token, which another process may have given out that is ahead of this one. */
export class CaughtUpRooms {
  readonly #feed: StreamFeed
  readonly #rooms: RoomRegistry

  constructor(deps: { feed: StreamFeed; rooms: RoomRegistry }) {
    this.#feed = deps.feed
    this.#rooms = deps.rooms
  }

  /** The room as it is when the stream has come to these positions. */
  async at(room: Room, ...positions: readonly (number | undefined)[]): Promise<Room> {
    const newest = Math.max(0, ...positions.filter((position) => position !== undefined))
    if (newest <= this.#feed.position) return room
    await this.#feed.catchUp(newest)
    return (await this.#rooms.findByNid(room.nid)) ?? room
  }
}
