import type { RoomId } from '@hearth/protocol'
import type { Store } from '@hearth/store'

/** The kind of the jobs that join rooms of other servers. Each is about a room. */
export const REMOTE_JOIN = 'remote-join'

const maxRemembered = 10_000

/** The rooms that are being joined: their servers send events already, which are to be kept until the room is there. */
export class JoiningRooms {
  readonly #store: Store
  readonly #rooms = new Set<RoomId>()
  readonly #listeners: ((roomId: RoomId) => void)[] = []

  constructor(deps: { store: Store }) {
    this.#store = deps.store
  }

  /** Looks which joins an earlier process has left behind. */
  async start(): Promise<void> {
    for (const key of await this.#store.jobs.listKeys(REMOTE_JOIN, maxRemembered)) this.#rooms.add(key as RoomId)
  }

  has(roomId: RoomId): boolean {
    return this.#rooms.has(roomId)
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
