import { randomBytes } from 'node:crypto'
import { forbidden, invalidParam, type RoomId } from '@hearth/protocol'
import type { Clock } from '@hearth/runtime'
import type { Store } from '@hearth/store'
import type { RemoteRooms } from '../remote-lookups/remote-rooms.ts'
import type { Requester } from '../requester.ts'
import type { OwnRoomPreview, RoomPreview, RoomPreviews, Viewer } from './room-previews.ts'
import { isSuggested, type SpaceChild, type SpaceChildren } from './space-children.ts'

export interface HierarchyRequest {
  readonly requester: Requester
  readonly roomId: RoomId
  readonly suggestedOnly: boolean
  /** How many rooms to give at most. */
  readonly limit?: number | undefined
  /** How far below the first room to go. */
  readonly maxDepth?: number | undefined
  /** The token of an earlier page. */
  readonly from?: string | undefined
}

/** A room of the tree; one that is no space has no children. */
export interface HierarchyRoom {
  readonly preview: RoomPreview
  readonly children: readonly SpaceChild[]
}

export interface HierarchyPage {
  readonly rooms: readonly HierarchyRoom[]
  readonly next?: string
}

/** A room that a space names, and servers that may know it. */
interface NamedRoom {
  readonly roomId: RoomId
  readonly via: readonly string[]
}

/** The children of a space that are still to be visited. */
interface Level {
  readonly rooms: readonly NamedRoom[]
  readonly next: number
  /** The space, where another server told of it: it has told of these rooms as well, perhaps. */
  readonly remoteSpace?: NamedRoom
}

/** Where a walk over the tree stands. Never changed: a client may ask for the same page twice. */
interface Walk {
  readonly roomId: RoomId
  readonly suggestedOnly: boolean
  readonly maxDepth: number
  /** From the first room downwards. */
  readonly levels: readonly Level[]
  readonly visited: ReadonlySet<RoomId>
}

/** A walk as JSON has it. The requester is no part of it. */
type StoredWalk = Omit<Walk, 'visited'> & { readonly visited: readonly RoomId[] }

const defaultLimit = 50
const maxLimit = 100
const deepest = 20
/** What a page looks at, whether or not its reader may see it. */
const maxVisitsOfPage = 500
const maxVisits = 10_000
/** A page ends with the room that makes it as large as this. */
const pageBytes = 1024 * 1024
const previewsAtATime = 50
/** Rooms that other servers are asked for at a time, and how long a page waits for them. */
const remoteAtATime = 5
const remoteTimeMs = 10_000
const maxVia = 3
const tokenBytes = 12
const walkLivesMs = 10 * 60_000

interface SpaceHierarchyDeps {
  readonly store: Pick<Store, 'spaceWalks'>
  readonly previews: RoomPreviews
  readonly children: SpaceChildren
  readonly remoteRooms: RemoteRooms
  readonly clock: Clock
}

/**
 * Walks over the rooms of a space and of the spaces in it, each room once, however often and wherever it is named.
 * {@link https://spec.matrix.org/v1.19/client-server-api/#get_matrixclientv1roomsroomidhierarchy}
 */
export class SpaceHierarchy {
  readonly #deps: SpaceHierarchyDeps

  constructor(deps: SpaceHierarchyDeps) {
    this.#deps = deps
  }

  /**
   * A page of the tree, depth first.
   *
   * @throws MatrixError M_FORBIDDEN for a first room that the requester may not see; M_INVALID_PARAM for an unknown token,
   *   and for one of a request with other parameters.
   */
  async page(request: HierarchyRequest): Promise<HierarchyPage> {
    const walk = request.from === undefined ? this.#start(request) : await this.#resume(request.from, request)
    const viewer = await this.#deps.previews.viewer(request.requester)
    const visit = new PageVisit(this.#deps, viewer, walk)
    const limit = Math.min(request.limit ?? defaultLimit, maxLimit)
    const rooms: HierarchyRoom[] = []
    let bytes = 0
    while (rooms.length < limit && bytes < pageBytes && visit.mayGoOn) {
      const room = await visit.next()
      if (!room) continue
      rooms.push(room)
      for (const child of room.children) bytes += child.bytes
    }
    if (request.from === undefined && rooms[0]?.preview.roomId !== request.roomId) {
      throw forbidden('You may not see this room')
    }
    const rest = visit.rest()
    return rest ? { rooms, next: await this.#keep(rest, request.requester) } : { rooms }
  }

  #start({ roomId, suggestedOnly, maxDepth = deepest }: HierarchyRequest): Walk {
    return {
      roomId,
      suggestedOnly,
      maxDepth: Math.min(maxDepth, deepest),
      levels: [{ rooms: [{ roomId, via: [] }], next: 0 }],
      visited: new Set(),
    }
  }

  async #resume(token: string, { requester, roomId, suggestedOnly, maxDepth }: HierarchyRequest): Promise<Walk> {
    const { store, clock } = this.#deps
    const id = Buffer.from(token, 'base64url')
    const text = id.length === tokenBytes && (await store.spaceWalks.find(id, requester.userNid, clock.now()))
    const walk = text ? (JSON.parse(text) as StoredWalk) : undefined
    if (walk?.roomId !== roomId) {
      throw invalidParam('Not a token of this hierarchy, or one that has been left for too long')
    }
    const isSame = Math.min(maxDepth ?? deepest, deepest) === walk.maxDepth && suggestedOnly === walk.suggestedOnly
    if (!isSame) throw invalidParam('max_depth and suggested_only stay the same from page to page')
    return { ...walk, visited: new Set(walk.visited) }
  }

  /** Writes down where a walk stands, for whichever process is asked for the next page. */
  async #keep(walk: Walk, { userNid }: Requester): Promise<string> {
    const { store, clock } = this.#deps
    const id = randomBytes(tokenBytes)
    const now = clock.now()
    const stored: StoredWalk = { ...walk, visited: [...walk.visited] }
    await store.spaceWalks.insert({ id, userNid, walk: JSON.stringify(stored), expiresTs: now + walkLivesMs, now })
    return id.toString('base64url')
  }
}

function namedRooms(children: readonly SpaceChild[]): NamedRoom[] {
  return children.map(({ roomId, content: { via } }) => ({
    roomId,
    via: (via as string[]).filter((server) => server.length <= 255).slice(0, maxVia),
  }))
}

/** The part of a walk that one page takes. */
class PageVisit {
  readonly #deps: SpaceHierarchyDeps
  readonly #viewer: Viewer
  readonly #walk: Walk
  readonly #levels: Level[]
  readonly #visited: Set<RoomId>
  readonly #previews = new Map<RoomId, OwnRoomPreview | undefined>()
  readonly #endsAt: number
  #visits = 0

  constructor(deps: SpaceHierarchyDeps, viewer: Viewer, walk: Walk) {
    this.#deps = deps
    this.#viewer = viewer
    this.#walk = walk
    this.#levels = [...walk.levels]
    this.#visited = new Set(walk.visited)
    this.#endsAt = deps.clock.monotonic() + remoteTimeMs
    this.#dropVisited()
  }

  get mayGoOn(): boolean {
    const hasTime = this.#visits === 0 || this.#deps.clock.monotonic() < this.#endsAt
    return this.#levels.length > 0 && this.#visits < maxVisitsOfPage && hasTime
  }

  /** Visits the next room; undefined where the viewer may not see it. */
  async next(): Promise<HierarchyRoom | undefined> {
    const depth = this.#levels.length - 1
    const level = this.#levels[depth]!
    const { rooms, next } = level
    const named = rooms[next]!
    if (!this.#previews.has(named.roomId)) await this.#look(rooms.slice(next, next + previewsAtATime))
    this.#levels[depth] = { ...level, next: next + 1 }
    this.#visited.add(named.roomId)
    this.#visits += 1
    const preview = this.#previews.get(named.roomId)
    const room = preview ? await this.#visitOwn(preview) : await this.#visitRemote(level)
    if (depth < this.#walk.maxDepth && room && room.children.length > 0) {
      const rooms = namedRooms(room.children)
      this.#levels.push({ rooms, next: 0, ...(!preview && { remoteSpace: named }) })
    }
    this.#dropVisited()
    return room
  }

  /** What is left to walk, if anything is. */
  rest(): Walk | undefined {
    if (this.#levels.length === 0 || this.#visited.size >= maxVisits) return undefined
    return { ...this.#walk, levels: this.#levels, visited: this.#visited }
  }

  async #visitOwn(preview: OwnRoomPreview): Promise<HierarchyRoom> {
    const isSpace = preview.roomType === 'm.space'
    return { preview, children: isSpace ? await this.#deps.children.of(preview.roomNid, this.#walk) : [] }
  }

  /** A room that nobody here is in, by what other servers say of it. */
  async #visitRemote({ rooms, next, remoteSpace }: Level): Promise<HierarchyRoom | undefined> {
    const { remoteRooms, previews } = this.#deps
    const { roomId, via } = rooms[next]!
    const parent = remoteSpace && (await remoteRooms.find(remoteSpace.roomId, remoteSpace.via))
    if (parent?.inaccessible.has(roomId)) return undefined
    const described = parent?.described.get(roomId)
    if (!described) this.#askAhead(rooms.slice(next + 1))
    const space = described ? { room: described, children: [] } : await remoteRooms.find(roomId, via)
    if (!space || !(await previews.mayPreview(space.room, this.#viewer))) return undefined
    const { suggestedOnly } = this.#walk
    const children = space.room.roomType === 'm.space' ? space.children : []
    return { preview: space.room, children: children.filter((child) => !suggestedOnly || isSuggested(child)) }
  }

  /** Asks for those that come next while one is waited for. They are found in memory later. */
  #askAhead(rooms: readonly NamedRoom[]): void {
    const remote = rooms.filter(({ roomId }) => this.#previews.has(roomId) && !this.#previews.get(roomId))
    for (const { roomId, via } of remote.slice(0, remoteAtATime)) {
      // Whoever visits the room sees the failure again.
      if (!this.#visited.has(roomId)) this.#deps.remoteRooms.find(roomId, via).catch(() => undefined)
    }
  }

  async #look(rooms: readonly NamedRoom[]): Promise<void> {
    const roomIds = rooms.map(({ roomId }) => roomId)
    const previews = await this.#deps.previews.ofRooms(roomIds, this.#viewer)
    for (const roomId of roomIds) this.#previews.set(roomId, previews.get(roomId))
  }

  /** Goes on to the next room that was not visited, upwards where a level has none. */
  #dropVisited(): void {
    while (this.#levels.length > 0) {
      const level = this.#levels.at(-1)!
      const left = level.rooms.findIndex(({ roomId }, index) => index >= level.next && !this.#visited.has(roomId))
      if (left >= 0) {
        this.#levels[this.#levels.length - 1] = { ...level, next: left }
        return
      }
      this.#levels.pop()
    }
  }
}
