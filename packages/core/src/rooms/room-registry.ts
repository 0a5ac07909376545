import { notFound, type RoomId } from '@hearth/protocol'
import { findRoomVersion } from '@hearth/rooms'
import { LruCache, type Metrics } from '@hearth/runtime'
import type { RoomHead as RoomHeadRow, Store } from '@hearth/store'
import type { RoomEvents } from './room-events.ts'
import type { Room, RoomHead } from './room.ts'
import type { Change } from '../sync/change.ts'

/** A room that is being loaded. */
interface LoadingRoom {
  readonly room: Promise<Room | undefined>
  /** The room's last position that the stream has told of meanwhile: a head before it is out of date. */
  lastPos: number
}

/** The rooms of this deployment, loaded on demand and kept while they are used. */
export class RoomRegistry {
  readonly #store: Store
  readonly #events: RoomEvents
  readonly #rooms: LruCache<number, Room>
  readonly #nids: LruCache<RoomId, number>
  readonly #ids: LruCache<number, RoomId>
  readonly #loading = new Map<number, LoadingRoom>()

  constructor(deps: { store: Store; events: RoomEvents; maxRooms: number; metrics: Metrics }) {
    this.#store = deps.store
    this.#events = deps.events
    this.#rooms = new LruCache({ name: 'rooms', maxEntries: deps.maxRooms, metrics: deps.metrics })
    this.#nids = new LruCache({ name: 'room-ids', maxEntries: 4 * deps.maxRooms, metrics: deps.metrics })
    this.#ids = new LruCache({ name: 'room-numbers', maxEntries: 4 * deps.maxRooms, metrics: deps.metrics })
  }

  /** The room with this id; undefined when this server knows no event of it. */
  async find(roomId: RoomId): Promise<Room | undefined> {
    let nid = this.#nids.get(roomId)
    if (nid === undefined) {
      nid = (await this.#store.rooms.find(roomId))?.nid
      if (nid === undefined) return undefined
      this.#nids.set(roomId, nid)
    }
    return this.findByNid(nid)
  }

  /** @throws MatrixError M_NOT_FOUND for a room that this server knows no event of. */
  async get(roomId: RoomId): Promise<Room> {
    const room = await this.find(roomId)
    if (!room) throw notFound('Unknown room')
    return room
  }

  /** The id of a room, which never changes: nothing else of it is read. undefined when there is none. */
  async idOf(nid: number): Promise<RoomId | undefined> {
    const known = this.#rooms.get(nid)?.id ?? this.#ids.get(nid)
    if (known !== undefined) return known
    const [row] = await this.#store.rooms.findByNids([nid])
    if (row) this.#ids.set(nid, row.roomId)
    return row?.roomId
  }

  async findByNid(nid: number): Promise<Room | undefined> {
    return this.#rooms.get(nid) ?? (await this.findByNids([nid])).get(nid)
  }

  /** Rooms by number, with a few queries for all that are not in memory. */
  async findByNids(nids: readonly number[]): Promise<Map<number, Room>> {
    const missing = nids.filter((nid) => !this.#rooms.has(nid) && !this.#loading.has(nid))
    if (missing.length > 0) this.#load([...new Set(missing)])
    const found = new Map<number, Room>()
    await Promise.all(
      nids.map(async (nid) => {
        const room = this.#rooms.get(nid) ?? (await this.#loading.get(nid)!.room)
        if (room) found.set(nid, room)
      }),
    )
    return found
  }

  /** The room if it is in memory. */
  peek(nid: number): Room | undefined {
    return this.#rooms.get(nid)
  }

  /** Keeps a room that was just created. */
  add(room: Room): void {
    this.#rooms.set(room.nid, room)
    this.#nids.set(room.id, room.nid)
  }

  /** Reads the room's head again: another process moved it. */
  async reload(room: Room): Promise<void> {
    const [row] = (await this.#store.roomHeads.findAll([room.nid])).values()
    if (!row) return
    const [head] = await this.#headsOf([row])
    if (head!.lastPos > room.head.lastPos) room.head = head!
  }

  /** Takes note of changes: a room that another process has moved on is loaded anew at its next use. */
  follow(changes: readonly Change[]): void {
    for (const change of changes) {
      if (change.kind !== 'event') continue
      const room = this.#rooms.get(change.roomNid)
      if (room && change.pos > room.head.lastPos) this.#rooms.delete(change.roomNid)
      const loading = this.#loading.get(change.roomNid)
      if (loading) loading.lastPos = change.pos
    }
  }

  /** Forgets a room; the next use loads it. */
  forget(nid: number): void {
    this.#rooms.delete(nid)
  }

  #load(nids: readonly number[]): void {
    const rooms = this.#read(nids)
    for (const nid of nids) {
      const room = rooms.then((read) => this.#keep(nid, read.get(nid))).finally(() => this.#loading.delete(nid))
      this.#loading.set(nid, { room, lastPos: 0 })
    }
  }

  /** Keeps a room that was read, unless it has moved on in the meantime: then it is read again. */
  async #keep(nid: number, room: Room | undefined): Promise<Room | undefined> {
    let latest = room
    while (latest && latest.head.lastPos < this.#loading.get(nid)!.lastPos) latest = (await this.#read([nid])).get(nid)
    if (latest) this.#rooms.set(nid, latest)
    return latest
  }

  async #read(nids: readonly number[]): Promise<Map<number, Room>> {
    const [rows, heads] = await Promise.all([this.#store.rooms.findByNids(nids), this.#store.roomHeads.findAll(nids)])
    const known = rows.flatMap((row) => {
      const head = heads.get(row.nid)
      return head ? [{ row, head }] : []
    })
    const roomHeads = await this.#headsOf(known.map(({ head }) => head))
    return new Map(
      known.map(({ row: { nid, roomId, version: id } }, index) => {
        const version = findRoomVersion(id)
        if (!version) throw new Error(`room ${roomId} has the unknown version ${id}`)
        return [nid, { nid, id: roomId, version, head: roomHeads[index]! }]
      }),
    )
  }

  async #headsOf(rows: readonly RoomHeadRow[]): Promise<RoomHead[]> {
    const [states, extremities] = await Promise.all([
      Promise.all(rows.map(({ roomNid, stateNid }) => this.#store.states.load(roomNid, stateNid))),
      this.#store.events.findByNids(rows.flatMap((row) => row.extremities)),
    ])
    const byNid = new Map(extremities.map((row) => [row.nid, row]))
    return rows.map((row, index) => ({
      lastPos: row.lastPos,
      depth: row.depth,
      stateNid: row.stateNid,
      state: states[index]!,
      extremities: row.extremities.flatMap((nid) => {
        const extremity = byNid.get(nid)
        return extremity ? [{ nid, stateNid: extremity.stateNid!, event: this.#events.parse(extremity) }] : []
      }),
    }))
  }
}
