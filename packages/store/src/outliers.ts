import type { EventId } from '@hearth/protocol'
import type { Database } from './connection/database.ts'
import type { Transaction } from './connection/transaction.ts'
import { byteaArray, int2Array, int4Array, int8Array, textArray } from './persister/binary-array.ts'
import type { NewEvent } from './persister/room-commit.ts'
import type { AuthGraphs } from './state/auth-graphs.ts'
import { packAuth } from './state/packed-references.ts'
import { eventFlags } from './tables/event-flags.ts'
import { eventIdOf, storedEventId } from './tables/event-id-bytes.ts'

/**
 * An event that is known without its place in the room's timeline. `auth` are nids, or `-(1 + i)`: the i-th event of the
 * same call, which comes earlier in it. Give them for state events only.
 */
export type NewOutlier = Pick<
  NewEvent,
  'eventId' | 'json' | 'typeNid' | 'stateKeyNid' | 'senderNid' | 'depth' | 'ts' | 'flags' | 'auth'
>

/** What an event that was given became, or was already. */
export interface StoredOutlier {
  readonly nid: number
  /** False when the event was stored before, with or without a place in the timeline. */
  readonly isNew: boolean
  /** Bits of `eventFlags`, as they are stored. */
  readonly flags: number
}

/** Rows that go in one transaction: none of them holds anything for long. */
const CHUNK_EVENTS = 500
/** How often a chunk is tried that another process writes events of. */
const ATTEMPTS = 5

/** Writes outliers: events without a stream position, such as the state of a room that is being joined. */
export class Outliers {
  readonly #db: Database
  readonly #authGraphs: AuthGraphs

  constructor(deps: { readonly db: Database; readonly authGraphs: AuthGraphs }) {
    this.#db = deps.db
    this.#authGraphs = deps.authGraphs
  }

  /**
   * Stores those of a room's events that are not known yet; resolves to what each is, in their order. Nothing of it is
   * told to the stream. Done in pieces: when it fails, what comes first may be stored.
   *
   * @throws RoomGone when there is no such room, or it is being deleted.
   */
  async insert(roomNid: number, events: readonly NewOutlier[]): Promise<StoredOutlier[]> {
    const stored: StoredOutlier[] = []
    for (let start = 0; start < events.length; start += CHUNK_EVENTS) {
      const chunk = events.slice(start, start + CHUNK_EVENTS)
      stored.push(...(await this.#insertChunk(roomNid, chunk, stored)))
    }
    this.#authGraphs.append(
      roomNid,
      events.flatMap(({ typeNid, stateKeyNid, auth }, i) =>
        stateKeyNid === null || !stored[i]!.isNew
          ? []
          : [{ nid: stored[i]!.nid, typeNid, stateKeyNid, auth: auth.map((ref) => resolve(ref, stored)) }],
      ),
    )
    return stored
  }

  async #insertChunk(
    roomNid: number,
    chunk: readonly NewOutlier[],
    earlier: readonly StoredOutlier[],
  ): Promise<StoredOutlier[]> {
    for (let attempt = 1; ; attempt++) {
      try {
        return await this.#db.transaction((tx) => insert(tx, roomNid, chunk, earlier))
      } catch (error) {
        if (!(error instanceof EventAppeared) || attempt >= ATTEMPTS) throw error
      }
    }
  }
}

/** There is no such room, or it is being deleted: nothing can be written of it. */
export class RoomGone extends Error {
  override readonly name = 'RoomGone'
}

/** An event was committed by another writer between looking for it and writing it. */
class EventAppeared extends Error {
  override readonly name = 'EventAppeared'
}

async function insert(
  tx: Transaction,
  roomNid: number,
  chunk: readonly NewOutlier[],
  earlier: readonly StoredOutlier[],
): Promise<StoredOutlier[]> {
  // Two writers of one room's outliers, and the room's deletion, take turns.
  const [room] = await tx.query<{ deleting: boolean }>(
    'outliers.lockRoom',
    'select deleting from rooms where nid = $1 for no key update',
    [roomNid],
  )
  if (room === undefined || room.deleting) throw new RoomGone(`room ${roomNid} is gone`)
  const known = await findKnown(tx, roomNid, chunk)
  const missing = new Set(chunk.map(({ eventId }) => eventId).filter((eventId) => !known.has(eventId)))
  const nids = await reserveNids(tx, missing.size)
  const stored = chunk.map(({ eventId, flags }): StoredOutlier => {
    const found = known.get(eventId)
    if (found !== undefined) return found
    const made = { nid: nids.pop()!, flags }
    known.set(eventId, { ...made, isNew: false })
    return { ...made, isNew: true }
  })
  const fresh = chunk.flatMap((event, i) => (stored[i]!.isNew ? [{ ...event, nid: stored[i]!.nid }] : []))
  if (fresh.length === 0) return stored
  const all = [...earlier, ...stored]
  await insertEvents(tx, roomNid, fresh)
  await insertStateEvents(
    tx,
    roomNid,
    fresh.filter(({ stateKeyNid }) => stateKeyNid !== null),
    all,
  )
  return stored
}

async function findKnown(
  tx: Transaction,
  roomNid: number,
  chunk: readonly NewOutlier[],
): Promise<Map<EventId, StoredOutlier>> {
  const rows = await tx.query<{ nid: number; flags: number; roomNid: number; id: Buffer }>(
    'outliers.findKnown',
    'select nid, flags, room_nid as "roomNid", event_id as id from events where event_id = any($1)',
    [chunk.map(({ eventId }) => storedEventId(eventId).bytes)],
  )
  return new Map(
    rows.map(({ nid, flags, roomNid: ofRoom, id }) => {
      const eventId = eventIdOf(id, flags)
      if (ofRoom !== roomNid) throw new Error(`event ${eventId} is of another room`)
      return [eventId, { nid, flags: flags & ~eventFlags.spelling, isNew: false }]
    }),
  )
}

/** Numbers in descending order, to be taken from the end. */
async function reserveNids(tx: Transaction, count: number): Promise<number[]> {
  const rows = await tx.query<{ nid: number }>(
    'outliers.reserveNids',
    `select nextval('off_stream_nid') as nid from generate_series(1, $1)`,
    [count],
  )
  return rows.map(({ nid }) => nid).sort((a, b) => b - a)
}

type Numbered = NewOutlier & { readonly nid: number }

async function insertEvents(tx: Transaction, roomNid: number, events: readonly Numbered[]): Promise<void> {
  const ids = events.map(({ eventId }) => storedEventId(eventId))
  const written = await tx.execute(
    'outliers.insertEvents',
    `insert into events (nid, depth, ts, room_nid, type_nid, skey_nid, sender_nid, flags, event_id, json)
     select nid, depth, ts, $1, type_nid, skey_nid, sender_nid, flags, event_id, json
       from unnest($2::bigint[], $3::bigint[], $4::bigint[], $5::int[], $6::int[], $7::int[], $8::smallint[], $9::bytea[],
                   $10::text[]) e(nid, depth, ts, type_nid, skey_nid, sender_nid, flags, event_id, json)
         on conflict (event_id) do nothing`,
    [
      roomNid,
      int8Array(events.map(({ nid }) => nid)),
      int8Array(events.map(({ depth }) => depth)),
      int8Array(events.map(({ ts }) => ts)),
      int4Array(events.map(({ typeNid }) => typeNid)),
      int4Array(events.map(({ stateKeyNid }) => stateKeyNid)),
      int4Array(events.map(({ senderNid }) => senderNid)),
      int2Array(events.map(({ flags }, i) => flags | ids[i]!.spelling)),
      byteaArray(ids.map(({ bytes }) => bytes)),
      textArray(events.map(({ json }) => json)),
    ],
  )
  if (written < events.length) throw new EventAppeared('an event was written meanwhile')
}

async function insertStateEvents(
  tx: Transaction,
  roomNid: number,
  events: readonly Numbered[],
  all: readonly StoredOutlier[],
): Promise<void> {
  if (events.length === 0) return
  await tx.execute(
    'outliers.insertStateEvents',
    `insert into state_events (nid, room_nid, type_nid, skey_nid, auth)
     select nid, $1, type_nid, skey_nid, auth
       from unnest($2::bigint[], $3::int[], $4::int[], $5::bytea[]) s(nid, type_nid, skey_nid, auth)`,
    [
      roomNid,
      int8Array(events.map(({ nid }) => nid)),
      int4Array(events.map(({ typeNid }) => typeNid)),
      int4Array(events.map(({ stateKeyNid }) => stateKeyNid)),
      byteaArray(
        events.map(({ auth }) =>
          packAuth(
            auth.map((ref) => resolve(ref, all)),
            0,
          ),
        ),
      ),
    ],
  )
}

function resolve(ref: number, stored: readonly StoredOutlier[]): number {
  if (ref >= 0) return ref
  const event = stored[-ref - 1]
  if (event === undefined) throw new RangeError('a reference points to an event that comes later')
  return event.nid
}
