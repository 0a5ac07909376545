import type { RoomId } from '@hearth/protocol'
import type { Store } from '@hearth/store'

/** The kind of the jobs that join rooms of other servers. Each is about a room. */
export const REMOTE_JOIN = 'remote-join'

/** The rooms that are being joined: their servers send events already, which are to be kept until the room is there. */
export class JoiningRooms {
  readonly #store: Store
  readonly #rooms = new Set<RoomId>()
  readonly #listeners: ((roomId: RoomId) => void)[] = []

  constructor(deps: { store: Store }) {
    this.#store = deps.store
  }

  /** Whether this process, or any other, is joining a room. */
  async has(roomId: RoomId): Promise<boolean> {
    return this.#rooms.has(roomId) || (await this.#store.jobs.isAsked(REMOTE_JOIN, roomId))
  }

  begin(roomId: RoomId): void {
    this.#rooms.add(roomId)
  }

  /** Says that a join has come to an end, whether or not the room is there now. */
  end(roomId: RoomId): void {
    if (!this.#rooms.delete(roomId)) return
    for (const listener of this.#listeners) listener(roomId)
  }

  /** Calls back with each room whose join has come to an end: what was kept of it can be looked at. */
  onEnd(listener: (roomId: RoomId) => void): void {
    this.#listeners.push(listener)
  }
}
