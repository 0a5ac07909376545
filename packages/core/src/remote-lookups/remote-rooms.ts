import { ServerUnreachable, type FederationClient, type HierarchyAnswer } from '@hearth/federation-client'
import { isServerName, serverOf, type RoomId, type ServerName } from '@hearth/protocol'
import { LruCache, type Clock, type Metrics } from '@hearth/runtime'
import { readSpaceChildren, type SpaceChild } from '../rooms/space-children.ts'
import { RemoteAnswers } from './remote-answers.ts'
import { isRemoteFailure } from './remote-refusal.ts'
import { remoteRoom, type RemoteRoom } from './remote-room.ts'

/** What another server says of a room and, if it is a space, of what is in it. */
export interface RemoteSpace {
  readonly room: RemoteRoom
  readonly children: readonly SpaceChild[]
  /** What is said of those children that are no spaces. */
  readonly described: ReadonlyMap<RoomId, RemoteRoom>
  /** Children that nobody of this server may see. */
  readonly inaccessible: ReadonlySet<RoomId>
}

/** Servers that are asked for one room, one after another. */
const maxServersAsked = 3
const deadlineMs = 5_000
const failureMs = 60_000

/**
 * Asks other servers for rooms that nobody here is in.
 * {@link https://spec.matrix.org/v1.19/server-server-api/#get_matrixfederationv1hierarchyroomid}
 */
export class RemoteRooms {
  readonly #client: Pick<FederationClient, 'hierarchy'>
  readonly #serverName: string
  readonly #clock: Clock
  readonly #answers: RemoteAnswers<RemoteSpace | undefined>
  /** Servers that gave no answer, and until when (monotonic) they are not asked for any other room either. */
  readonly #silent: LruCache<ServerName, number>

  constructor(deps: {
    client: Pick<FederationClient, 'hierarchy'>
    serverName: string
    clock: Clock
    metrics: Metrics
  }) {
    this.#client = deps.client
    this.#serverName = deps.serverName
    this.#clock = deps.clock
    this.#silent = new LruCache({ name: 'silent-servers', maxEntries: 10_000, metrics: deps.metrics })
    this.#answers = new RemoteAnswers({
      name: 'remote-rooms',
      maxBytes: 32 * 1024 * 1024,
      sizeOf: (space) =>
        space === undefined
          ? 0
          : space.children.reduce((bytes, child) => bytes + 2 * child.bytes, 4_000 * (1 + space.described.size)),
      freshMs: 5 * 60_000,
      failureMs,
      clock: deps.clock,
      metrics: deps.metrics,
    })
  }

  /** A room, as one of these servers or the one that made it knows it; undefined where none tells. */
  async find(roomId: RoomId, via: readonly string[]): Promise<RemoteSpace | undefined> {
    for (const server of this.#serversOf(roomId, via)) {
      if ((this.#silent.get(server) ?? 0) > this.#clock.monotonic()) continue
      try {
        const space = await this.#answers.get(`${server} ${roomId}`, () => this.#ask(server, roomId))
        if (space) return space
      } catch (error) {
        if (!isRemoteFailure(error)) throw error
        if (error instanceof ServerUnreachable) this.#silent.set(server, this.#clock.monotonic() + failureMs)
      }
    }
    return undefined
  }

  #serversOf(roomId: RoomId, via: readonly string[]): ServerName[] {
    // Ids of rooms of version 12 and later name no server.
    const named = roomId.includes(':') ? [...via, serverOf(roomId)] : via
    const others = named.filter((server): server is ServerName => isServerName(server) && server !== this.#serverName)
    return [...new Set(others)].slice(0, maxServersAsked)
  }

  async #ask(server: ServerName, roomId: RoomId): Promise<RemoteSpace | undefined> {
    const answer = await this.#client.hierarchy(server, roomId, {}, { deadlineMs })
    return read(answer, roomId)
  }
}

function read(answer: HierarchyAnswer, roomId: RoomId): RemoteSpace | undefined {
  const room = remoteRoom(answer.room)
  if (room?.roomId !== roomId) return undefined
  const children = readSpaceChildren(answer.room['children_state'])
  const named = new Set(children.map((child) => child.roomId))
  const described = answer.children.flatMap((each) => remoteRoom(each) ?? [])
  return {
    room,
    children,
    described: new Map(
      described
        .filter((child) => named.has(child.roomId) && child.roomType !== 'm.space')
        .map((child) => [child.roomId, child]),
    ),
    inaccessible: new Set((answer.inaccessible_children ?? []).filter((id): id is RoomId => named.has(id as RoomId))),
  }
}
