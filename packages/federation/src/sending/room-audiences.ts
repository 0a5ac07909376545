import { LruCache, type Metrics } from '@hearth/runtime'
import type { CommittedBatch, CommittedRoom, RoomServerRow, Store } from '@hearth/store'

/** The other servers of a room. */
interface Audience {
  readonly rows: readonly RoomServerRow[]
  /** No change of the room's members up to this position is missing. */
  asOf: number
}

const maxRows = 500_000

/** Which servers are in which rooms, kept in memory while rooms are written to. */
export class RoomAudiences {
  readonly #store: Pick<Store, 'roomServers'>
  readonly #ownServerNid: number
  readonly #position: () => number
  readonly #audiences: LruCache<number, Audience>
  /** The rooms that are being read, but for those that were written to since. */
  readonly #loading = new Set<Set<number>>()

  constructor(deps: {
    store: Pick<Store, 'persister' | 'roomServers'>
    ownServerNid: number
    /** Up to where everything is known to be committed. */
    position: () => number
    metrics?: Metrics | undefined
  }) {
    this.#store = deps.store
    this.#ownServerNid = deps.ownServerNid
    this.#position = deps.position
    this.#audiences = new LruCache({
      name: 'room-audiences',
      maxBytes: maxRows,
      sizeOf: ({ rows }) => 10 + rows.length,
      ...(deps.metrics && { metrics: deps.metrics }),
    })
    deps.store.persister.onCommitted((batch) => this.#follow(batch))
  }

  /**
   * The servers that an event at this position of the stream is for: those that were in the room before it, whether or not
   * it takes them out, but not the one that it brings in.
   */
  async at(roomNid: number, pos: number): Promise<number[]> {
    const known = this.#audiences.get(roomNid)
    const { rows } = known && known.asOf >= pos ? known : (await this.#load([roomNid], pos)).get(roomNid)!
    return rows.flatMap(({ serverNid, sincePos, leftPos }) => {
      return sincePos < pos && (leftPos === null || leftPos >= pos) ? [serverNid] : []
    })
  }

  /** The servers that are in one of these rooms now. */
  async now(roomNids: readonly number[]): Promise<number[]> {
    const missing = roomNids.filter((roomNid) => !this.#audiences.has(roomNid))
    const loaded = missing.length > 0 ? await this.#load(missing, 0) : undefined
    const serverNids = new Set<number>()
    for (const roomNid of roomNids) {
      const audience = loaded?.get(roomNid) ?? this.#audiences.get(roomNid)
      for (const { serverNid, joined } of audience?.rows ?? []) if (joined > 0) serverNids.add(serverNid)
    }
    return [...serverNids]
  }

  /** Reads the servers of rooms, to be kept unless the rooms' members change meanwhile. */
  async #load(roomNids: readonly number[], pos: number): Promise<ReadonlyMap<number, Audience>> {
    const asOf = Math.max(pos, this.#position())
    const loading = new Set(roomNids)
    this.#loading.add(loading)
    try {
      const found = await this.#store.roomServers.listByRooms(roomNids)
      const others = found.filter(({ serverNid }) => serverNid !== this.#ownServerNid)
      const byRoom = Map.groupBy(others, ({ roomNid }) => roomNid)
      const audiences = new Map(roomNids.map((roomNid) => [roomNid, { rows: byRoom.get(roomNid) ?? [], asOf }]))
      for (const roomNid of loading) this.#audiences.set(roomNid, audiences.get(roomNid)!)
      return audiences
    } finally {
      this.#loading.delete(loading)
    }
  }

  #follow({ rooms }: CommittedBatch): void {
    for (const room of rooms) {
      const { roomNid, prevLastPos, lastPos } = room
      for (const loading of this.#loading) loading.delete(roomNid)
      const audience = this.#audiences.get(roomNid)
      if (!audience) continue
      // After another process wrote there, the members are not known.
      if (audience.asOf >= prevLastPos && !movesServers(room)) audience.asOf = lastPos
      else this.#audiences.delete(roomNid)
    }
  }
}

/** Whether users came or went. */
function movesServers({ stateChanges }: CommittedRoom): boolean {
  return stateChanges.some(({ membership: change }) => {
    return change !== undefined && (change.membership === 'join') !== (change.previous === 'join')
  })
}
