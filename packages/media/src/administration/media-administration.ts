import { notFound, parseUserId, type RoomId, type ServerName, type UserId } from '@hearth/protocol'
import type { Clock } from '@hearth/runtime'
import type { MediaCensusRow, MediaCriteria, MediaOrder, Store } from '@hearth/store'
import type { MediaDeletion } from './media-deletion.ts'

/** How many events of a room are looked at in one go. */
const EVENTS = 2_000
/** How many files a request removes itself; a job does the rest. */
const MAX_AT_ONCE = 1_000

export interface MediaAdministrationDeps {
  readonly store: Store
  readonly deletion: MediaDeletion
  readonly serverName: ServerName
  readonly clock: Clock
}

export interface MediaPage {
  readonly orderBy: MediaOrder
  readonly descending: boolean
  readonly offset: number
  readonly limit: number
}

/** What administrators do with files. */
export class MediaAdministration {
  readonly #deps: MediaAdministrationDeps

  constructor(deps: MediaAdministrationDeps) {
    this.#deps = deps
  }

  /** A file. @throws MatrixError 404 */
  async find(server: string, mediaId: string): Promise<MediaCensusRow> {
    const [row] = await this.#deps.store.mediaCensus.findAll([{ server, mediaId }])
    if (row === undefined) throw notFound('There is no such file')
    return row
  }

  /** Locks a file away, with all that have the same content; or gives it free. */
  async quarantine(server: string, mediaId: string, by: UserId | null): Promise<void> {
    const rows = await this.#deps.store.mediaCensus.findAll([{ server, mediaId }])
    await this.#quarantine(rows, by)
  }

  /** Locks away what a user has sent. Gives how many files. @throws MatrixError 404 */
  async quarantineOfUser(userId: string, by: UserId): Promise<number> {
    const userNid = await this.#userNid(userId)
    let count = 0
    for (let offset = 0; ; offset += MAX_AT_ONCE) {
      const page = { orderBy: 'created_ts', descending: false, offset, limit: MAX_AT_ONCE } as const
      const rows = await this.#deps.store.mediaCensus.list({ userNid }, page)
      count += await this.#quarantine(rows, by)
      if (rows.length < MAX_AT_ONCE) return count
    }
  }

  /** Locks away what is named in a room. Gives how many files. @throws MatrixError 404 */
  async quarantineOfRoom(roomId: string, by: UserId): Promise<number> {
    let count = 0
    for await (const uris of this.#namedIn(roomId)) {
      count += await this.#quarantine(await this.#deps.store.mediaCensus.findAll(uris), by)
    }
    return count
  }

  /** The URIs that are named in a room, of this server and of others. @throws MatrixError 404 */
  async ofRoom(roomId: string): Promise<{ local: string[]; remote: string[] }> {
    const local = new Set<string>()
    const remote = new Set<string>()
    for await (const uris of this.#namedIn(roomId)) {
      for (const { server, mediaId } of uris) {
        ;(server === this.#deps.serverName ? local : remote).add(`mxc://${server}/${mediaId}`)
      }
    }
    return { local: [...local], remote: [...remote] }
  }

  /** A page of what a user has sent, and how much there is. @throws MatrixError 404 */
  async ofUser(userId: string, page: MediaPage): Promise<{ rows: MediaCensusRow[]; total: number }> {
    const { mediaCensus } = this.#deps.store
    const criteria = { userNid: await this.#userNid(userId) }
    return { rows: await mediaCensus.list(criteria, page), total: await mediaCensus.count(criteria) }
  }

  /** Removes a page of what a user has sent. Gives the ids. @throws MatrixError 404 */
  async deleteOfUser(userId: string, page: MediaPage): Promise<string[]> {
    const { rows } = await this.ofUser(userId, page)
    await this.#deps.store.media.delete(rows.map(({ nid }) => nid))
    return rows.map(({ mediaId }) => mediaId)
  }

  /** Protects a file of this server from being locked away, or no longer. @throws MatrixError 404 */
  async protect(mediaId: string, isProtected: boolean): Promise<void> {
    const { store } = this.#deps
    const isThere = await store.mediaCensus.protect(await this.#ownServerNid(), mediaId, isProtected)
    if (!isThere) throw notFound('There is no such file')
  }

  /** Removes a file of this server. @throws MatrixError 404 */
  async delete(mediaId: string): Promise<void> {
    const row = await this.find(this.#deps.serverName, mediaId)
    await this.#deps.store.media.delete([row.nid])
  }

  /** Removes files of this server that are not kept for a reason. Gives the ids of those that are gone already. */
  async deleteOld(criteria: Pick<MediaCriteria, 'unusedSinceTs' | 'sizeAbove' | 'unlessShown'>): Promise<string[]> {
    const all = { ...criteria, serverNid: await this.#ownServerNid(), unlessKept: true }
    return this.#deps.deletion.delete('own files', all, MAX_AT_ONCE)
  }

  /** Removes files of other servers that were not asked for since. Gives how many are gone already. */
  async purgeCache(unusedSinceTs: number): Promise<number> {
    const criteria = { otherThanServerNid: await this.#ownServerNid(), unusedSinceTs, unlessKept: true }
    return (await this.#deps.deletion.delete('files of other servers', criteria, MAX_AT_ONCE)).length
  }

  #quarantine(rows: readonly MediaCensusRow[], by: UserId | null): Promise<number> {
    const { store, clock } = this.#deps
    return store.mediaCensus.quarantine(
      rows.map(({ nid }) => nid),
      by,
      clock.now(),
    )
  }

  async *#namedIn(roomId: string): AsyncGenerator<{ server: string; mediaId: string }[]> {
    const { store } = this.#deps
    const room = await store.rooms.find(roomId as RoomId)
    if (room === undefined) throw notFound('There is no such room')
    // Fetched events have negative positions.
    let position: number | undefined = Number.MIN_SAFE_INTEGER
    while (position !== undefined) {
      const { uris, nextPos }: Awaited<ReturnType<typeof store.mediaCensus.namedInRoom>> =
        await store.mediaCensus.namedInRoom(room.nid, position, EVENTS)
      yield uris
      position = nextPos
    }
  }

  async #userNid(userId: string): Promise<number> {
    const { store, serverName } = this.#deps
    const isOwn = parseUserId(userId)?.server === serverName
    const userNid = isOwn ? await store.users.find(userId as UserId) : undefined
    if (userNid === undefined) throw notFound('There is no such user of this server')
    return userNid
  }

  #ownServerNid(): Promise<number> {
    return this.#deps.store.servers.intern(this.#deps.serverName)
  }
}
