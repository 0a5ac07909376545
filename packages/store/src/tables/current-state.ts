import type { ServerName } from '@hearth/protocol'
import type { Queryable } from '../connection/queryable.ts'
import { wellKnownTypes } from './event-types.ts'
import { membershipCodes, membershipOf, type Membership } from './membership-code.ts'

/** One key of a room's current state. */
export interface CurrentStateRow {
  readonly roomNid: number
  readonly typeNid: number
  readonly stateKeyNid: number
  readonly nid: number
}

/** A member of a room. */
export interface MemberRow {
  readonly stateKeyNid: number
  readonly nid: number
  readonly membership: Membership
}

/**
 * The state at each room's head, one row per key, written with the commits that change it. For questions about many rooms
 * or a part of a large one; a whole state comes from `States`.
 */
export class CurrentState {
  readonly #db: Queryable

  constructor(db: Queryable) {
    this.#db = db
  }

  /** The events under some types in many rooms: what a list of rooms shows. */
  async listByTypes(roomNids: readonly number[], typeNids: readonly number[]): Promise<CurrentStateRow[]> {
    if (roomNids.length === 0 || typeNids.length === 0) return []
    return this.#db.read<CurrentStateRow>(
      'currentState.listByTypes',
      `select room_nid as "roomNid", type_nid as "typeNid", skey_nid as "stateKeyNid", nid
         from current_state where room_nid = any($1) and type_nid = any($2)`,
      [roomNids, typeNids],
    )
  }

  /**
   * The events of one type that were set last, as canonical JSON. Of those, the ones that take more than `maxBytes` are
   * left out. A long read where there are many.
   */
  async listJson(roomNid: number, typeNid: number, bounds: { limit: number; maxBytes: number }): Promise<string[]> {
    const rows = await this.#db.query<{ json: string }>(
      'currentState.listJson',
      `select e.json from (select nid from current_state where room_nid = $1 and type_nid = $2
                            order by nid desc limit $3) c
         join events e on e.nid = c.nid where octet_length(e.json) <= $4`,
      [roomNid, typeNid, bounds.limit, bounds.maxBytes],
    )
    return rows.map(({ json }) => json)
  }

  /** The members with one of these memberships. A long read in a large room. */
  async listMembers(roomNid: number, memberships: readonly Membership[]): Promise<MemberRow[]> {
    const rows = await this.#db.query<Omit<MemberRow, 'membership'> & { membership: number }>(
      'currentState.listMembers',
      `select skey_nid as "stateKeyNid", nid, membership from current_state
        where room_nid = $1 and type_nid = ${wellKnownTypes['m.room.member']} and membership = any($2::smallint[])
        order by skey_nid`,
      [roomNid, memberships.map((membership) => membershipCodes[membership])],
    )
    return rows.map((row) => ({ ...row, membership: membershipOf(row.membership) }))
  }

  /** Up to `limit` members of each room with one of these memberships, those whose member event is oldest first. */
  async listEarliestMembers(
    roomNids: readonly number[],
    memberships: readonly Membership[],
    limit: number,
  ): Promise<Map<number, MemberRow[]>> {
    const rows = await this.#db.query<Omit<MemberRow, 'membership'> & { roomNid: number; membership: number }>(
      'currentState.listEarliestMembers',
      `select s.room_nid as "roomNid", s.skey_nid as "stateKeyNid", s.nid, s.membership from unnest($1::int[]) r(room_nid)
         cross join lateral (select * from current_state c
                              where c.room_nid = r.room_nid and c.type_nid = ${wellKnownTypes['m.room.member']}
                                and c.membership = any($2::smallint[])
                              order by c.nid limit $3) s
        order by s.room_nid, s.nid`,
      [roomNids, memberships.map((membership) => membershipCodes[membership]), limit],
    )
    const members = new Map<number, MemberRow[]>(roomNids.map((nid) => [nid, []]))
    for (const { roomNid, membership, ...row } of rows) {
      members.get(roomNid)!.push({ ...row, membership: membershipOf(membership) })
    }
    return members
  }

  /** The memberships that the user of a state key has in some rooms. */
  async findMemberships(roomNids: readonly number[], stateKeyNid: number): Promise<Map<number, Membership>> {
    if (roomNids.length === 0) return new Map()
    const rows = await this.#db.read<{ roomNid: number; membership: number }>(
      'currentState.findMemberships',
      `select room_nid as "roomNid", membership from current_state
        where room_nid = any($1) and type_nid = ${wellKnownTypes['m.room.member']} and skey_nid = $2
          and membership is not null`,
      [roomNids, stateKeyNid],
    )
    return new Map(rows.map(({ roomNid, membership }) => [roomNid, membershipOf(membership)]))
  }

  /** The state keys of the members, present and past, who are users of a server. A long read in a large room. */
  async listMembersOfServer(roomNid: number, server: ServerName): Promise<number[]> {
    const rows = await this.#db.query<{ stateKeyNid: number }>(
      'currentState.listMembersOfServer',
      // Not a join, which old versions plan once and for all with a look at every state key.
      `select skey_nid as "stateKeyNid" from current_state c
        where room_nid = $1 and type_nid = ${wellKnownTypes['m.room.member']}
          and (select substr(key, strpos(key, ':') + 1) from state_keys where nid = c.skey_nid) = $2
        order by skey_nid`,
      [roomNid, server],
    )
    return rows.map(({ stateKeyNid }) => stateKeyNid)
  }

  /** The member events of those with one membership. */
  async listMemberNids(roomNid: number, membership: Membership): Promise<number[]> {
    return (await this.listMembers(roomNid, [membership])).map(({ nid }) => nid)
  }

  /** How many members each room has, by membership. */
  async countMembers(roomNids: readonly number[]): Promise<Map<number, Record<Membership, number>>> {
    const rows = await this.#db.query<{ roomNid: number; membership: number; count: number }>(
      'currentState.countMembers',
      `select room_nid as "roomNid", membership, count(*) as count from current_state
        where room_nid = any($1) and type_nid = ${wellKnownTypes['m.room.member']} and membership is not null
        group by room_nid, membership`,
      [roomNids],
    )
    const counts = new Map(roomNids.map((nid) => [nid, { join: 0, invite: 0, leave: 0, ban: 0, knock: 0 }]))
    for (const { roomNid, membership, count } of rows) counts.get(roomNid)![membershipOf(membership)] = count
    return counts
  }

  /**
   * The rooms that a local user and another one, named by their state key, are both joined to: those after `after` in the
   * order of their numbers, and how many there are in all.
   */
  async listShared(
    userNid: number,
    stateKeyNid: number,
    { after, limit }: { readonly after: number; readonly limit: number },
  ): Promise<{ roomNids: number[]; count: number }> {
    const rows = await this.#db.read<{ roomNids: number[]; count: number }>(
      'currentState.listShared',
      `with shared as (
         select m.room_nid from local_membership m
           join current_state c on c.room_nid = m.room_nid and c.type_nid = ${wellKnownTypes['m.room.member']}
             and c.skey_nid = $2 and c.membership = ${membershipCodes.join}
          where m.user_nid = $1 and m.membership = ${membershipCodes.join}
       )
       select array(select room_nid from shared where room_nid > $3 order by room_nid limit $4) as "roomNids",
              (select count(*) from shared) as count`,
      [userNid, stateKeyNid, after, limit],
    )
    return rows[0]!
  }

  /**
   * Of users of another server, named by their state keys, the rooms that they are joined to and users of this server as
   * well.
   */
  async listSharedWithServer(
    serverNid: number,
    stateKeyNids: readonly number[],
  ): Promise<ReadonlyMap<number, readonly number[]>> {
    if (stateKeyNids.length === 0) return new Map()
    const rows = await this.#db.query<{ stateKeyNid: number; roomNids: number[] }>(
      'currentState.listSharedWithServer',
      `select c.skey_nid as "stateKeyNid", array_agg(c.room_nid) as "roomNids"
         from room_servers r
         join current_state c on c.room_nid = r.room_nid and c.type_nid = ${wellKnownTypes['m.room.member']}
           and c.skey_nid = any($2::int[]) and c.membership = ${membershipCodes.join}
        where r.server_nid = $1 and r.joined > 0
          and exists (select from local_membership l
                       where l.room_nid = r.room_nid and l.membership = ${membershipCodes.join})
        group by c.skey_nid`,
      [serverNid, stateKeyNids],
    )
    return new Map(rows.map(({ stateKeyNid, roomNids }) => [stateKeyNid, roomNids]))
  }
}
