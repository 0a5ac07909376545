import type { Queryable } from '../connection/queryable.ts'

/** A file as administrators see it. */
export interface MediaCensusRow {
  readonly nid: number
  readonly server: string
  readonly mediaId: string
  readonly userId: string | null
  /** In bytes; null as long as the id is only reserved. */
  readonly size: number | null
  readonly contentType: string
  readonly name: string | null
  readonly createdTs: number
  readonly lastAccessTs: number
  readonly quarantinedBy: string | null
  readonly protected: boolean
}

/** Which files: all conditions that are given must hold. */
export interface MediaCriteria {
  readonly serverNid?: number | undefined
  /** Of any server but this. */
  readonly otherThanServerNid?: number | undefined
  readonly mediaId?: string | undefined
  readonly userNid?: number | undefined
  /** Not used since, in milliseconds since the epoch. */
  readonly unusedSinceTs?: number | undefined
  /** Larger than so many bytes. */
  readonly sizeAbove?: number | undefined
  /** Leaves out pictures that profiles and rooms show. */
  readonly unlessShown?: boolean | undefined
  /** Leaves out what is protected, and what is quarantined: the same content would be let in again. */
  readonly unlessKept?: boolean | undefined
  /** Leaves out what is quarantined: it is kept from people, but it is evidence. */
  readonly unlessQuarantined?: boolean | undefined
}

const from = `media join servers s on s.nid = media.server_nid left join users u on u.nid = media.user_nid
  left join media_blobs b on b.hash = media.blob_hash`

const columns = `media.nid, s.name as server, media.media_id as "mediaId", u.user_id as "userId", b.size,
  content_type as "contentType", upload_name as name, media.created_ts as "createdTs", last_access_ts as "lastAccessTs",
  quarantined_by as "quarantinedBy", protected`

/** Columns that lists can be sorted by, as Synapse's administration calls them. */
const orders = {
  media_id: 'media.media_id',
  upload_name: 'upload_name',
  created_ts: 'media.created_ts',
  last_access_ts: 'last_access_ts',
  media_length: 'b.size',
  media_type: 'content_type',
  quarantined_by: 'quarantined_by',
  safe_from_quarantine: 'protected',
} as const

export type MediaOrder = keyof typeof orders
export const mediaOrders = Object.keys(orders) as MediaOrder[]

/** Where a picture in a profile or of a room is. */
const shown = `select fields::jsonb ->> 'avatar_url' from profiles where fields like '%mxc://%'
  union all select e.json::jsonb -> 'content' ->> 'url' from current_state c
    join event_types t on t.nid = c.type_nid and t.type = 'm.room.avatar' join events e on e.nid = c.nid`

const conditions = `($1::int is null or media.server_nid = $1) and ($2::int is null or media.server_nid <> $2)
  and ($3::text is null or media.media_id = $3) and ($4::int is null or media.user_nid = $4)
  and ($5::bigint is null or media.last_access_ts < $5) and ($6::bigint is null or b.size > $6)
  and not ($7 and ('mxc://' || s.name || '/' || media.media_id) in (select url from (${shown}) x (url) where url is not null))
  and not ($8 and (quarantined_by is not null or protected)) and not ($9 and quarantined_by is not null)`

function valuesOf(criteria: MediaCriteria) {
  const { serverNid = null, otherThanServerNid = null, mediaId = null, userNid = null, unusedSinceTs = null } = criteria
  const { sizeAbove = null, unlessShown = false, unlessKept = false, unlessQuarantined = false } = criteria
  const kept = [unlessShown, unlessKept, unlessQuarantined]
  return [serverNid, otherThanServerNid, mediaId, userNid, unusedSinceTs, sizeAbove, ...kept]
}

/** Counts, lists, locks away and removes files: for administrators and for what keeps order. */
export class MediaCensus {
  readonly #db: Queryable

  constructor(db: Queryable) {
    this.#db = db
  }

  /** How many bytes of files a user has sent; with null, all users. */
  async usage(userNid: number | null): Promise<number> {
    const rows = await this.#db.query<{ bytes: number }>(
      'mediaCensus.usage',
      `select coalesce(sum(size), 0)::bigint as bytes from media join media_blobs on hash = blob_hash
        where user_nid is not null and ($1::int is null or user_nid = $1)`,
      [userNid],
    )
    return rows[0]!.bytes
  }

  /** Makes what else counts a user's files, or all of them, wait until the end of the transaction. */
  async lockUsage(key: number): Promise<void> {
    await this.#db.execute('mediaCensus.lockUsage', 'select pg_advisory_xact_lock(31, $1)', [key])
  }

  async list(
    criteria: MediaCriteria,
    page: {
      readonly orderBy: MediaOrder
      readonly descending: boolean
      readonly offset: number
      readonly limit: number
    },
  ): Promise<MediaCensusRow[]> {
    const direction = page.descending ? 'desc nulls last' : 'asc nulls first'
    return this.#db.query<MediaCensusRow>(
      null,
      `select ${columns} from ${from} where ${conditions}
        order by ${orders[page.orderBy]} ${direction}, media.nid ${page.descending ? 'desc' : 'asc'} offset $10 limit $11`,
      [...valuesOf(criteria), page.offset, page.limit],
    )
  }

  async count(criteria: MediaCriteria): Promise<number> {
    const rows = await this.#db.query<{ count: number }>(
      'mediaCensus.count',
      `select count(*) as count from ${from} where ${conditions}`,
      valuesOf(criteria),
    )
    return rows[0]!.count
  }

  /** Removes files, those first that were not used for longest; at most `limit`. Gives their ids. */
  async delete(criteria: MediaCriteria, limit: number): Promise<string[]> {
    const rows = await this.#db.query<{ mediaId: string }>(
      'mediaCensus.delete',
      `delete from media where nid in (
         select media.nid from ${from} where ${conditions} order by last_access_ts limit $10 for update of media skip locked
       ) returning media_id as "mediaId"`,
      [...valuesOf(criteria), limit],
    )
    return rows.map(({ mediaId }) => mediaId)
  }

  /** How many bytes of files of other servers there are. */
  async sizeOfRemote(ownServerNid: number): Promise<number> {
    const rows = await this.#db.query<{ bytes: number }>(
      'mediaCensus.sizeOfRemote',
      `select coalesce(sum(size), 0)::bigint as bytes from media join media_blobs on hash = blob_hash
        where server_nid <> $1`,
      [ownServerNid],
    )
    return rows[0]!.bytes
  }

  /**
   * Locks away files and all that have the same content, unless they are protected; with null for `by`, gives them free.
   * Gives how many changed.
   */
  async quarantine(nids: readonly number[], by: string | null, now: number): Promise<number> {
    return this.#db.execute(
      'mediaCensus.quarantine',
      `update media set quarantined_by = $2::text, quarantined_ts = case when $2::text is not null then $3::bigint end
        where (nid = any ($1) or blob_hash in (select blob_hash from media m where m.nid = any ($1)))
          and (quarantined_by is null) = ($2::text is not null) and not ($2::text is not null and protected)`,
      [nids, by, now],
    )
  }

  /** Protects a file from being locked away, or no longer. False when there is none. */
  async protect(serverNid: number, mediaId: string, isProtected: boolean): Promise<boolean> {
    const changed = await this.#db.execute(
      'mediaCensus.protect',
      'update media set protected = $3 where server_nid = $1 and media_id = $2',
      [serverNid, mediaId, isProtected],
    )
    return changed === 1
  }

  /**
   * The files that messages and the state of a room name, as far as these can be read: at most `limit` events after a
   * position are looked at. Gives the position to go on from, if there are more.
   */
  async namedInRoom(
    roomNid: number,
    afterPos: number,
    limit: number,
  ): Promise<{ uris: { server: string; mediaId: string }[]; nextPos: number | undefined }> {
    const rows = await this.#db.query<{ pos: number; uris: string[] | null }>(
      'mediaCensus.namedInRoom',
      `select stream_pos as pos,
              case when json like '%mxc://%' then
                (select array_agg(m[1]) from regexp_matches(json, '"(?:url|thumbnail_url)":"mxc://([^/"\\\\]+/[A-Za-z0-9_-]+)"', 'g') m)
              end as uris
         from events where room_nid = $1 and stream_pos > $2 order by stream_pos limit $3`,
      [roomNid, afterPos, limit],
    )
    const found = new Set(rows.flatMap(({ uris }) => uris ?? []))
    const uris = [...found].map((uri) => {
      const [server = '', mediaId = ''] = uri.split('/')
      return { server, mediaId }
    })
    return { uris, nextPos: rows.length === limit ? rows.at(-1)!.pos : undefined }
  }

  /** The files of these URIs that are here. */
  async findAll(uris: readonly { server: string; mediaId: string }[]): Promise<MediaCensusRow[]> {
    return this.#db.query<MediaCensusRow>(
      'mediaCensus.findAll',
      `select ${columns} from unnest($1::text[], $2::text[]) as wanted (name, id)
         join servers s on s.name = wanted.name join media on media.server_nid = s.nid and media.media_id = wanted.id
         left join users u on u.nid = media.user_nid left join media_blobs b on b.hash = media.blob_hash`,
      [uris.map(({ server }) => server), uris.map(({ mediaId }) => mediaId)],
    )
  }
}
