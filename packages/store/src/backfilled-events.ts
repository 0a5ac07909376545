import type { EventId } from '@hearth/protocol'
import type { Database } from './connection/database.ts'
import type { Queryable } from './connection/queryable.ts'
import type { NewRelation, RedactionTarget, StateEntryChange } from './persister/room-commit.ts'
import { packMerge } from './state/packed-merge.ts'
import { eventFlags } from './tables/event-flags.ts'
import type { CachedEvents } from './tables/cached-events.ts'
import type { MissingPrevious } from './tables/backward-extremities.ts'
import { storedEventId } from './tables/event-id-bytes.ts'
import { annotationKey } from './tables/relations.ts'
import { positionsOfGap } from './tables/timeline-gaps.ts'
import { Tables } from './tables.ts'

/** An outlier that gets its place in a room's past. All references are numbers of stored events and states. */
export interface BackfilledEvent {
  readonly nid: number
  readonly isState: boolean
  readonly typeNid: number
  readonly senderNid: number
  readonly stateBeforeNid: number
  /** The state after it: its own nid for an accepted state event. */
  readonly stateNid: number
  /** Whether the state before it does not allow it: it gets no position, so that nobody is shown it. */
  readonly isRejected: boolean
  /** For a state event: the event that held its key in the state before it. */
  readonly replaces?: number | undefined
  readonly redacts?: RedactionTarget | undefined
  /** The redaction that came before it, and what it leaves of the event. */
  readonly redacted?: { readonly by: number; readonly prunedJson: string } | undefined
  readonly relation?: NewRelation | undefined
}

/** A state that no stored event made, as a difference from one that is stored. */
export interface BackfilledState {
  /** Reserved with `reserveNids`. */
  readonly stateNid: number
  readonly baseNid: number
  readonly changes: readonly StateEntryChange[]
}

/** A stretch of a room's past. */
export interface Backfilled {
  readonly roomNid: number
  /** The gap that it is to fill: see `TimelineGaps`. */
  readonly gap: number
  /** Newest first. */
  readonly events: readonly BackfilledEvent[]
  readonly states: readonly BackfilledState[]
  /** Where history breaks off now. */
  readonly missing: readonly MissingPrevious[]
  /** Missing events that nobody has, or that were refused: they are not asked for again. */
  readonly givenUp: readonly EventId[]
}

/** Thrown when one of the events has been stored meanwhile in another way: nothing was written. */
export class BackfillOvertaken extends Error {
  override readonly name = 'BackfillOvertaken'
}

/**
 * Writes what happened in rooms before what is stored of them. Its positions are negative and belong to no place of the
 * stream, so that nobody is told of it as new. Neither the room's head nor its current state changes.
 */
export class BackfilledEvents {
  readonly #db: Database
  readonly #cache: CachedEvents

  constructor(deps: { readonly db: Database; readonly cache: CachedEvents }) {
    this.#db = deps.db
    this.#cache = deps.cache
  }

  /** Numbers for states that are about to be inserted. */
  async reserveNids(count: number): Promise<number[]> {
    const rows = await this.#db.query<{ nid: number }>(
      'backfilledEvents.reserveNids',
      `select nextval('off_stream_nid') as nid from generate_series(1, $1)`,
      [count],
    )
    return rows.map(({ nid }) => nid)
  }

  /**
   * Gives outliers their places below what their gap holds already, all of them or none.
   *
   * @throws BackfillOvertaken when one of the events is no longer what the caller took it for.
   */
  async adopt(stretch: Backfilled): Promise<void> {
    await this.#db.transaction(async (tx) => {
      const lowest = await lockGap(tx, stretch)
      await adoptOutliers(tx, stretch, lowest)
      await insertStates(tx, stretch)
      await insertRelations(tx, stretch, lowest)
      await applyRedactions(tx, stretch)
      const { backwardExtremities } = new Tables(tx)
      await backwardExtremities.insert(stretch.roomNid, stretch.missing)
      await backwardExtremities.deleteFilled(stretch.roomNid)
      await backwardExtremities.delete(stretch.roomNid, stretch.givenUp)
    })
    this.#cache.forget(
      stretch.events.flatMap(({ nid, redacts }) => [nid, ...(redacts && 'target' in redacts ? [redacts.target] : [])]),
    )
  }
}

/** Makes sure that nobody else fills gaps of the room at the same time; the lowest position that is taken. */
async function lockGap(tx: Queryable, { roomNid, gap }: Backfilled): Promise<number> {
  await tx.query('backfilledEvents.lock', 'select pg_advisory_xact_lock(24, $1)', [roomNid])
  const { lowest, highest } = positionsOfGap(gap)
  const [row] = await tx.query<{ pos: number | null }>(
    'backfilledEvents.lowest',
    'select min(stream_pos) as pos from events where room_nid = $1 and stream_pos between $2 and $3',
    [roomNid, lowest, highest],
  )
  return row?.pos ?? highest + 1
}

/** Gives outliers their places. */
async function adoptOutliers(tx: Queryable, { roomNid, events }: Backfilled, lowest: number): Promise<void> {
  if (events.length === 0) return
  const updated = await tx.execute(
    'backfilledEvents.adopt',
    `update events e
        set stream_pos = o.pos, state_nid = o.state_nid, replaces_nid = o.replaces_nid, flags = e.flags | o.flags,
            redacted_by = coalesce(e.redacted_by, o.redacted_by),
            json = case when e.redacted_by is null then coalesce(o.json, e.json) else e.json end
       from unnest($2::bigint[], $3::bigint[], $4::bigint[], $5::bigint[], $6::smallint[], $7::bigint[], $8::text[])
            o(nid, pos, state_nid, replaces_nid, flags, redacted_by, json)
      where e.nid = o.nid and e.room_nid = $1 and e.state_nid is null`,
    [
      roomNid,
      events.map(({ nid }) => nid),
      events.map(({ isRejected }, index) => (isRejected ? null : lowest - 1 - index)),
      events.map(({ stateNid }) => stateNid),
      events.map(({ replaces }) => replaces ?? null),
      events.map(({ isRejected }) => (isRejected ? eventFlags.rejected : 0)),
      events.map(({ redacted }) => redacted?.by ?? null),
      events.map(({ redacted }) => redacted?.prunedJson ?? null),
    ],
  )
  if (updated !== events.length) throw new BackfillOvertaken('an event got another place')
  const states = events.filter(({ isState }) => isState)
  await tx.execute(
    'backfilledEvents.adoptStateEvents',
    `update state_events s set base_nid = o.base_nid from unnest($2::bigint[], $3::bigint[]) o(nid, base_nid)
      where s.room_nid = $1 and s.nid = o.nid`,
    [roomNid, states.map(({ nid }) => nid), states.map(({ stateBeforeNid }) => stateBeforeNid)],
  )
}

async function insertStates(tx: Queryable, { roomNid, states }: Backfilled): Promise<void> {
  if (states.length === 0) return
  await tx.execute(
    'backfilledEvents.insertStates',
    `insert into state_node (state_nid, base_nid, origin, room_nid, kind, data)
     select state_nid, base_nid, 0, $1, 1, data from unnest($2::bigint[], $3::bigint[], $4::bytea[]) m(state_nid, base_nid, data)
         on conflict do nothing`,
    [
      roomNid,
      states.map(({ stateNid }) => stateNid),
      states.map(({ baseNid }) => baseNid),
      states.map(({ changes }) => packMerge(changes, 0)),
    ],
  )
}

async function insertRelations(tx: Queryable, { roomNid, events }: Backfilled, lowest: number): Promise<void> {
  const related = events.flatMap(({ nid, typeNid, senderNid, relation, isRejected, redacted }, index) =>
    relation && !isRejected && !redacted ? [{ nid, pos: lowest - 1 - index, typeNid, senderNid, ...relation }] : [],
  )
  if (related.length === 0) return
  await tx.execute(
    'backfilledEvents.insertRelations',
    `insert into relations (nid, pos, room_nid, type_nid, sender_nid, parent_id, rel_type, key)
     select nid, pos, $1, type_nid, sender_nid, parent, rel_type, key
       from unnest($2::bigint[], $3::bigint[], $4::int[], $5::int[], $6::bytea[], $7::text[], $8::bytea[])
            r(nid, pos, type_nid, sender_nid, parent, rel_type, key) on conflict do nothing`,
    [
      roomNid,
      related.map(({ nid }) => nid),
      related.map(({ pos }) => pos),
      related.map(({ typeNid }) => typeNid),
      related.map(({ senderNid }) => senderNid),
      related.map(({ parentId }) => storedEventId(parentId).bytes),
      related.map(({ relType }) => relType),
      related.map(({ key }) => (key === undefined ? null : annotationKey(key))),
    ],
  )
  await tx.execute(
    'backfilledEvents.insertThreads',
    `insert into threads as t (last_pos, room_nid, root_id)
     select max(pos), $1, parent from unnest($2::bigint[], $3::bytea[], $4::text[]) r(pos, parent, rel_type)
      where rel_type = 'm.thread' group by parent
         on conflict (root_id, room_nid) do update set last_pos = greatest(t.last_pos, excluded.last_pos)`,
    [
      roomNid,
      related.map(({ pos }) => pos),
      related.map(({ parentId }) => storedEventId(parentId).bytes),
      related.map(({ relType }) => relType),
    ],
  )
}

async function applyRedactions(tx: Queryable, { roomNid, events }: Backfilled): Promise<void> {
  for (const { nid, redacts, redacted } of events) {
    if (redacted !== undefined) {
      await tx.execute(
        'backfilledEvents.settleRedaction',
        'update redactions set target_nid = $2, target_id = null where nid = $1 and target_nid is null',
        [redacted.by, nid],
      )
    }
    if (redacts === undefined) continue
    const target = 'target' in redacts ? redacts.target : null
    const unknown = 'target' in redacts ? null : storedEventId(redacts.unknownTarget).bytes
    await tx.execute(
      'backfilledEvents.insertRedaction',
      `insert into redactions (nid, target_nid, room_nid, target_id) values ($1, $2, $3, $4) on conflict do nothing`,
      [nid, target, roomNid, unknown],
    )
    if ('target' in redacts) {
      await tx.execute(
        'backfilledEvents.redact',
        `update events set json = $3, redacted_by = $1 where nid = $2 and redacted_by is null`,
        [nid, redacts.target, redacts.prunedJson],
      )
      await tx.execute('backfilledEvents.deleteRelation', 'delete from relations where nid = $1', [redacts.target])
    }
  }
}
