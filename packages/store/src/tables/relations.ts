import { createHash } from 'node:crypto'
import type { EventId } from '@hearth/protocol'
import type { Queryable } from '../connection/queryable.ts'
import { eventIdOf, storedEventId } from './event-id-bytes.ts'

/** An event whose children are asked for, as far as a reader may see. */
export interface ParentRef {
  readonly eventId: EventId
  readonly roomNid: number
  /** The last position of a child. */
  readonly upTo: number
}

/** How many children of one kind an event has. */
export interface RelationCount {
  /** The index of the parent in the question. */
  readonly parent: number
  readonly relType: string
  readonly count: number
  /** Whether the reader sent one of them. */
  readonly isOwn: boolean
}

/** A child of one of the events in the question. */
export interface Child {
  readonly parent: number
  readonly nid: number
}

/** Which children of an event to list: positions in `(after, upTo]`. */
export interface ChildrenQuery {
  readonly eventId: EventId
  readonly roomNid: number
  readonly after: number
  readonly upTo: number
  readonly direction: 'b' | 'f'
  readonly limit: number
  readonly relType?: string | undefined
  readonly typeNid?: number | undefined
  /** How many steps a child may be away; 1 for those that name the event itself. */
  readonly depth: number
}

/** What an event that is about to relate to another has to know of it. */
export interface SendTarget {
  readonly roomNid: number
  readonly isState: boolean
  /** How the target itself relates to another event. */
  readonly relType: string | null
  /** Whether the sender has annotated it with the same already. */
  readonly isAnnotated: boolean
}

/** Children that are looked at when more than one step is taken. */
const maxIndirect = 10_000

/** A digest of what an annotation says: a text of any length in an index of bounded size. */
export function annotationKey(key: string): Buffer {
  return createHash('sha256').update(key).digest().subarray(0, 16)
}

/**
 * Which event relates to which, written and deleted by the commits of children and of their redactions.
 * {@link https://spec.matrix.org/v1.19/client-server-api/#forming-relationships-between-events}
 */
export class Relations {
  readonly #db: Queryable

  constructor(db: Queryable) {
    this.#db = db
  }

  /** The event that a new one of this type, sender and annotation would relate to; undefined where there is none. */
  async findTarget(
    eventId: EventId,
    annotation: { readonly senderNid: number; readonly typeNid: number; readonly key: string } | undefined,
  ): Promise<SendTarget | undefined> {
    const [row] = await this.#db.read<SendTarget>(
      'relations.findTarget',
      `select e.room_nid as "roomNid", e.skey_nid is not null as "isState", p.rel_type as "relType",
              exists (select 1 from relations r
                       where r.parent_id = $1 and r.rel_type = 'm.annotation' and r.sender_nid = $2 and r.type_nid = $3
                         and r.key = $4) as "isAnnotated"
         from events e left join relations p on p.nid = e.nid where e.event_id = $1`,
      [
        storedEventId(eventId).bytes,
        annotation?.senderNid ?? null,
        annotation?.typeNid ?? null,
        annotation ? annotationKey(annotation.key) : null,
      ],
    )
    return row
  }

  /** What kinds of children events have, but for those of ignored senders. */
  async count(
    parents: readonly ParentRef[],
    relTypes: readonly string[],
    reader: { readonly userNid: number; readonly ignoredNids: readonly number[] },
  ): Promise<RelationCount[]> {
    if (parents.length === 0) return []
    return this.#db.query<RelationCount>(
      'relations.count',
      `select p.i::int - 1 as parent, r."relType", r.count, r."isOwn"
         from unnest($1::bytea[], $2::int[], $3::bigint[]) with ordinality p(id, room_nid, up_to, i)
         cross join lateral (
           select c.rel_type as "relType", count(*) as count, bool_or(c.sender_nid = $5) as "isOwn" from relations c
            where c.parent_id = p.id and c.rel_type = any ($4) and c.room_nid = p.room_nid and c.pos <= p.up_to
              and not c.sender_nid = any ($6)
            group by c.rel_type) r`,
      [...columnsOf(parents), relTypes, reader.userNid, reader.ignoredNids],
    )
  }

  /** The newest few children of each event by place in the stream, newest first. */
  async listNewest(
    parents: readonly ParentRef[],
    relType: string,
    ignoredNids: readonly number[],
    limit: number,
  ): Promise<Child[]> {
    if (parents.length === 0) return []
    return this.#db.read<Child>(
      'relations.listNewest',
      `select p.i::int - 1 as parent, r.nid
         from unnest($1::bytea[], $2::int[], $3::bigint[]) with ordinality p(id, room_nid, up_to, i)
         cross join lateral (
           select c.nid, c.pos from relations c
            where c.parent_id = p.id and c.pos <= p.up_to and c.rel_type = $4 and c.room_nid = p.room_nid
              and not c.sender_nid = any ($5)
            order by c.parent_id desc, c.pos desc limit $6) r
        order by p.i, r.pos desc`,
      [...columnsOf(parents), relType, ignoredNids, limit],
    )
  }

  /** The newest few replacements of each event by its own sender and of its own type, by the time they give, newest first. */
  async listReplacements(
    parents: readonly (ParentRef & { readonly nid: number })[],
    limit: number,
  ): Promise<(Child & { readonly ts: number; readonly eventId: EventId })[]> {
    if (parents.length === 0) return []
    const rows = await this.#db.read<Child & { ts: number; id: Buffer; flags: number }>(
      'relations.listReplacements',
      `select p.i::int - 1 as parent, r.nid, r.ts, r.event_id as id, r.flags
         from unnest($1::bytea[], $2::int[], $3::bigint[], $4::bigint[]) with ordinality p(id, room_nid, up_to, nid, i)
         join events o on o.nid = p.nid
         cross join lateral (
           select e.nid, e.ts, e.event_id, e.flags from relations c join events e on e.nid = c.nid
            where c.parent_id = p.id and c.rel_type = 'm.replace' and c.sender_nid = o.sender_nid
              and c.type_nid = o.type_nid and c.room_nid = p.room_nid and c.pos <= p.up_to
            order by e.ts desc limit $5) r
        order by p.i, r.ts desc`,
      [...columnsOf(parents), parents.map(({ nid }) => nid), limit],
    )
    return rows.map(({ id, flags, ...row }) => ({ ...row, eventId: eventIdOf(id, flags) }))
  }

  /** The ids of the first children of each event, oldest first. */
  async listIds(
    parents: readonly ParentRef[],
    relType: string,
    ignoredNids: readonly number[],
    limit: number,
  ): Promise<{ readonly parent: number; readonly eventId: EventId }[]> {
    if (parents.length === 0) return []
    const rows = await this.#db.read<{ parent: number; id: Buffer; flags: number }>(
      'relations.listIds',
      `select p.i::int - 1 as parent, e.event_id as id, e.flags
         from unnest($1::bytea[], $2::int[], $3::bigint[]) with ordinality p(id, room_nid, up_to, i)
         cross join lateral (
           select c.nid, c.pos from relations c
            where c.parent_id = p.id and c.pos <= p.up_to and c.rel_type = $4 and c.room_nid = p.room_nid
              and not c.sender_nid = any ($5)
            order by c.parent_id, c.pos limit $6) r
         join events e on e.nid = r.nid
        order by p.i, r.pos`,
      [...columnsOf(parents), relType, ignoredNids, limit],
    )
    return rows.map(({ parent, id, flags }) => ({ parent, eventId: eventIdOf(id, flags) }))
  }

  /** A page of an event's children, by place in the stream. A query for more steps than one looks at 10,000 at most. */
  async list(query: ChildrenQuery): Promise<{ readonly nid: number; readonly pos: number }[]> {
    const { eventId, roomNid, after, upTo, direction, limit, relType = null, typeNid = null, depth } = query
    const order = direction === 'f' ? 'asc' : 'desc'
    const filter = (table: string) =>
      `${table}.room_nid = $2 and ($6::text is null or ${table}.rel_type = $6) and ($7::int is null or ${table}.type_nid = $7)`
    const values = [storedEventId(eventId).bytes, roomNid, after, upTo, limit, relType, typeNid]
    if (depth === 1) {
      return this.#db.read(
        `relations.list.${direction}`,
        `select r.nid, r.pos from relations r where r.parent_id = $1 and r.pos > $3 and r.pos <= $4 and ${filter('r')}
          order by r.parent_id ${order}, r.pos ${order} limit $5`,
        values,
      )
    }
    return this.#db.query(
      `relations.listIndirect.${direction}`,
      `with recursive related(nid, pos, depth) as (
         select r.nid, r.pos, 1 from relations r where r.parent_id = $1 and ${filter('r')}
         union all
         select c.nid, c.pos, related.depth + 1
           from related join events e on e.nid = related.nid join relations c on c.parent_id = e.event_id
          where related.depth < $8 and ${filter('c')})
       select nid, pos from (select nid, pos from related limit ${maxIndirect}) found
        where pos > $3 and pos <= $4 group by nid, pos order by pos ${order} limit $5`,
      [...values, depth],
    )
  }

  /** Those of these events that have a child of one of the kinds, by one of the senders; an absent list stands for all. */
  async findParents(
    eventIds: readonly EventId[],
    roomNid: number,
    by: { readonly relTypes?: readonly string[] | undefined; readonly senderNids?: readonly number[] | undefined },
  ): Promise<Set<EventId>> {
    if (eventIds.length === 0) return new Set()
    const rows = await this.#db.read<{ i: number }>(
      'relations.findParents',
      `select p.i::int - 1 as i from unnest($1::bytea[]) with ordinality p(id, i)
        where exists (select 1 from relations c
                       where c.parent_id = p.id and c.room_nid = $2 and ($3::text[] is null or c.rel_type = any ($3))
                         and ($4::int[] is null or c.sender_nid = any ($4)))`,
      [eventIds.map((eventId) => storedEventId(eventId).bytes), roomNid, by.relTypes ?? null, by.senderNids ?? null],
    )
    return new Set(rows.map(({ i }) => eventIds[i]!))
  }
}

function columnsOf(parents: readonly ParentRef[]) {
  return [
    parents.map(({ eventId }) => storedEventId(eventId).bytes),
    parents.map(({ roomNid }) => roomNid),
    parents.map(({ upTo }) => upTo),
  ] as const
}
