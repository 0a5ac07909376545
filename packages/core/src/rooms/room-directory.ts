import { forbidden, invalidParam, notFound, type EventId, type RoomAlias, type RoomId } from '@hearth/protocol'
import type { Clock } from '@hearth/runtime'
import type { PublishedRoomKey, PublishedRoomRow, Store } from '@hearth/store'
import type { Requester } from '../requester.ts'
import { refreshRoomStatistics } from './refresh-room-statistics.ts'
import { powerLevelsIn } from './power-levels-in.ts'
import type { Room } from './room.ts'
import type { RoomAccess } from './room-access.ts'
import type { RoomEvents } from './room-events.ts'
import type { RoomRegistry } from './room-registry.ts'

export type RoomVisibility = 'public' | 'private'

/** A room as the directory shows it. */
export interface ListedRoom extends PublishedRoomRow {
  /** Its names on this server. */
  readonly aliases: readonly RoomAlias[]
}

export interface DirectoryRequest {
  /** How many rooms to give; as many as possible when absent or 0. */
  readonly limit?: number | undefined
  /** A token of an earlier page, which says in which direction to go on as well. */
  readonly from?: string | undefined
  /** A part of the name, the topic or the canonical alias, in any case. */
  readonly searchTerm?: string | undefined
  /** null in the list stands for rooms without a type; all types when absent. */
  readonly roomTypes?: readonly (string | null)[] | undefined
}

export interface DirectoryPage {
  readonly rooms: readonly ListedRoom[]
  /** Tokens of what comes after and before; absent where there is nothing. */
  readonly next?: string
  readonly previous?: string
  /** How many rooms are listed in all, about. */
  readonly total: number
}

/** Who reads a list of rooms: a user of this server, or anybody else. */
export type DirectoryReader = 'user' | 'anybody'

const maxPage = 500
const maxAliasesShown = 20
/** How long a count of the list is good enough for an estimate. */
const countForMs = 10_000

/** Which rooms the public directory lists. {@link https://spec.matrix.org/v1.19/client-server-api/#listing-rooms} */
export class RoomDirectory {
  readonly #deps: {
    readonly store: Store
    readonly rooms: RoomRegistry
    readonly events: RoomEvents
    readonly access: RoomAccess
    readonly openTo: 'everyone' | 'users'
    readonly clock: Clock
  }
  #counted: { readonly count: number; readonly at: number } | undefined

  /** `openTo` says who may read the list. */
  constructor(deps: {
    store: Store
    rooms: RoomRegistry
    events: RoomEvents
    access: RoomAccess
    openTo: 'everyone' | 'users'
    clock: Clock
  }) {
    this.#deps = deps
  }

  async visibilityOf(room: Room): Promise<RoomVisibility> {
    return (await this.#deps.store.publishedRooms.has(room.nid)) ? 'public' : 'private'
  }

  /** Those of these rooms that are listed, by nid. */
  listPublished(roomNids: readonly number[]): Promise<ReadonlySet<number>> {
    return this.#deps.store.publishedRooms.listAmong(roomNids)
  }

  /** Lists a room or takes it off the list, asking nobody. */
  async setVisibility(room: Room, visibility: RoomVisibility): Promise<void> {
    const { store } = this.#deps
    this.#counted = undefined
    if (visibility === 'private') return store.publishedRooms.delete(room.nid)
    await store.transaction(async (tx) => {
      await tx.publishedRooms.insert(room.nid)
      // The room is to be found at once, not when the statistics get round to it.
      await refreshRoomStatistics([room.nid], room.head.lastPos, tx)
    })
  }

  /**
   * Lists a room or takes it off the list for somebody who may: who could change its canonical alias, or
   * administers the server.
   *
   * @throws MatrixError M_FORBIDDEN for others.
   */
  async changeVisibility(requester: Requester, room: Room, visibility: RoomVisibility): Promise<void> {
    if (requester.isAdmin) return this.setVisibility(room, visibility)
    await this.#deps.access.requireJoined(room, requester.userId)
    const { state } = room.head
    const levels = powerLevelsIn(
      room.version,
      await this.#deps.events.findState(state, 'm.room.create', ''),
      await this.#deps.events.findState(state, 'm.room.power_levels', ''),
    )
    if (levels.of(requester.userId) < levels.toSend('m.room.canonical_alias', 'state')) {
      throw forbidden('You may not change how this room is listed')
    }
    await this.setVisibility(room, visibility)
  }

  /**
   * A page of the listed rooms, those with most members first. A token stands for a room's place in that order, so that
   * rooms which come and go elsewhere in the list move nobody's page.
   *
   * @throws MatrixError M_INVALID_PARAM for a bad token, M_FORBIDDEN for those to whom the list is not open.
   */
  async list(request: DirectoryRequest, reader: DirectoryReader): Promise<DirectoryPage> {
    if (reader === 'anybody' && this.#deps.openTo === 'users') {
      throw forbidden('The list of rooms is for users of this server')
    }
    const { publishedRooms, roomAliases } = this.#deps.store
    const { direction, key: from } = request.from === undefined ? start : parseToken(request.from)
    const limit = Math.min(request.limit || maxPage, maxPage)
    const searched = request.searchTerm?.trim().toLowerCase() || undefined
    // One more than is shown tells whether it goes on.
    const found = await publishedRooms.list({
      direction,
      from,
      searched,
      roomTypes: request.roomTypes,
      limit: limit + 1,
    })
    const goesOn = found.length > limit
    const rows = found.slice(0, limit)
    if (direction === 'b') rows.reverse()
    const aliases = await roomAliases.listByRooms(
      rows.map(({ roomNid }) => roomNid),
      maxAliasesShown,
    )
    const [first = from, last = from] = [rows[0], rows.at(-1)]
    const [hasPrevious, hasNext] = direction === 'f' ? [from !== undefined, goesOn] : [goesOn, rows.length > 0]
    return {
      rooms: rows.map((row) => ({ ...row, aliases: aliases.get(row.roomNid) ?? [] })),
      ...(hasNext && { next: formatToken('f', last!) }),
      ...(hasPrevious && { previous: formatToken('b', first!) }),
      total: await this.#count(),
    }
  }

  async #count(): Promise<number> {
    const { store, clock } = this.#deps
    const now = clock.monotonic()
    if (this.#counted === undefined || now - this.#counted.at > countForMs) {
      this.#counted = { count: await store.publishedRooms.count(), at: now }
    }
    return this.#counted.count
  }

  /** The room that an event belongs to. @throws MatrixError M_NOT_FOUND for an unknown event. */
  async roomOfEvent(eventId: EventId): Promise<RoomId> {
    const [row] = await this.#deps.store.events.findByIds([eventId])
    const room = row && (await this.#deps.rooms.findByNid(row.roomNid))
    if (!room) throw notFound('Event not found')
    return room.id
  }
}

interface Place {
  readonly direction: 'f' | 'b'
  readonly key: PublishedRoomKey | undefined
}

const start: Place = { direction: 'f', key: undefined }

function formatToken(direction: 'f' | 'b', { joined, roomNid }: PublishedRoomKey): string {
  return `${direction}${joined}_${roomNid}`
}

function parseToken(token: string): Place {
  const [, direction, joined, roomNid] = /^([fb])(\d{1,10})_(\d{1,10})$/.exec(token) ?? []
  const key = { joined: Number(joined), roomNid: Number(roomNid) }
  if (direction === undefined || Math.max(key.joined, key.roomNid) >= 2 ** 31) {
    throw invalidParam('Not a token of this list')
  }
  return { direction: direction as 'f' | 'b', key }
}
