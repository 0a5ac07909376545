import type { RoomId } from '@hearth/protocol'
import type { Queryable } from '../connection/queryable.ts'
import { membershipCodes, membershipOf, type Membership } from './membership-code.ts'

/** A local user's place in a room. */
export interface LocalMembershipRow {
  readonly userNid: number
  readonly roomNid: number
  readonly membership: Membership
  /** The member event. */
  readonly nid: number
  /** When it took effect. */
  readonly pos: number
  /** Whether the user asked to forget the room; it is out of their sight then. */
  readonly forgotten: boolean
}

/** A room that a user forgot, and when. */
export interface ForgottenRoomRow {
  readonly userNid: number
  readonly roomNid: number
  readonly pos: number
}

const columns = `user_nid as "userNid", room_nid as "roomNid", membership, nid, pos, forgotten`

/** Which rooms this deployment's users are, were or may be in. Written by the commits that change it. */
export class LocalMemberships {
  readonly #db: Queryable

  constructor(db: Queryable) {
    this.#db = db
  }

  async find(userNid: number, roomNid: number): Promise<LocalMembershipRow | undefined> {
    const rows = await this.#read(
      'localMemberships.find',
      `select ${columns} from local_membership where user_nid = $1 and room_nid = $2`,
      [userNid, roomNid],
    )
    return rows[0]
  }

  /** All rooms of a user, forgotten ones included. */
  async listByUser(userNid: number): Promise<LocalMembershipRow[]> {
    return this.#read('localMemberships.listByUser', `select ${columns} from local_membership where user_nid = $1`, [
      userNid,
    ])
  }

  /** The same with the ids of the rooms, null for one that has just been deleted. */
  async listWithRooms(userNid: number): Promise<(LocalMembershipRow & { readonly roomId: RoomId | null })[]> {
    const rows = await this.#db.read<
      Omit<LocalMembershipRow, 'membership'> & { membership: number; roomId: RoomId | null }
    >(
      'localMemberships.listWithRooms',
      // Not a join, which old versions plan once and for all with a look at every room.
      `select user_nid as "userNid", room_nid as "roomNid", membership, nid, pos, forgotten,
              (select room_id from rooms where rooms.nid = m.room_nid) as "roomId"
         from local_membership m where user_nid = $1`,
      [userNid],
    )
    return rows.map((row) => ({ ...row, membership: membershipOf(row.membership) }))
  }

  /** The guests of this server who are in a room. */
  async listGuests(roomNid: number): Promise<LocalMembershipRow[]> {
    return this.#read(
      'localMemberships.listGuests',
      `select ${columns} from local_membership m
       where room_nid = $1 and membership = $2
         and exists (select from accounts where accounts.user_nid = m.user_nid and is_guest)`,
      [roomNid, membershipCodes.join],
    )
  }

  /** The local users of a room with one of these memberships. */
  async listByRoom(roomNid: number, memberships: readonly Membership[]): Promise<LocalMembershipRow[]> {
    return this.#read(
      'localMemberships.listByRoom',
      `select ${columns} from local_membership where room_nid = $1 and membership = any($2::smallint[])`,
      [roomNid, memberships.map((membership) => membershipCodes[membership])],
    )
  }

  /** Whether two local users are joined to the same room. */
  async shareRoom(userNid: number, otherNid: number): Promise<boolean> {
    const rows = await this.#db.read<{ shared: boolean }>(
      'localMemberships.shareRoom',
      `select exists (select from local_membership a join local_membership b using (room_nid)
                       where a.user_nid = $1 and b.user_nid = $2
                         and a.membership = ${membershipCodes.join} and b.membership = ${membershipCodes.join}) as shared`,
      [userNid, otherNid],
    )
    return rows[0]!.shared
  }

  /** The local users of several rooms, whatever their membership. */
  async listByRooms(roomNids: readonly number[]): Promise<LocalMembershipRow[]> {
    if (roomNids.length === 0) return []
    return this.#read(
      'localMemberships.listByRooms',
      `select ${columns} from local_membership where room_nid = any($1::int[])`,
      [roomNids],
    )
  }

  /** Whether the user asked to forget the room. */
  async isForgotten(userNid: number, roomNid: number): Promise<boolean> {
    return (await this.find(userNid, roomNid))?.forgotten ?? false
  }

  /**
   * Forgets a room that the user is not in, at the next stream position, and resolves to that; to undefined when there was
   * nothing to forget. The stream's row is locked before the membership's, as everywhere.
   */
  async forget(userNid: number, roomNid: number): Promise<number | undefined> {
    const outside = `user_nid = $1 and room_nid = $2 and not forgotten
                     and membership in (${membershipCodes.leave}, ${membershipCodes.ban})`
    const rows = await this.#db.query<{ pos: number }>(
      'localMemberships.forget',
      `with head as (
         update stream_head set pos = pos + 1 where exists (select from local_membership where ${outside}) returning pos
       )
       update local_membership m set forgotten = true, forgotten_pos = head.pos from head where ${outside}
       returning head.pos`,
      [userNid, roomNid],
    )
    return rows[0]?.pos
  }

  /** The rooms that anybody forgot at positions after one and up to another, in order; at most `limit`. */
  async listForgottenByPosition(after: number, upTo: number, limit: number): Promise<ForgottenRoomRow[]> {
    return this.#db.read<ForgottenRoomRow>(
      'localMemberships.listForgottenByPosition',
      `select user_nid as "userNid", room_nid as "roomNid", forgotten_pos as pos from local_membership
        where forgotten_pos > $1 and forgotten_pos <= $2 and forgotten order by forgotten_pos limit $3`,
      [after, upTo, limit],
    )
  }

  async #read(
    name: string,
    text: string,
    values: readonly (number | readonly number[])[],
  ): Promise<LocalMembershipRow[]> {
    const rows = await this.#db.read<Omit<LocalMembershipRow, 'membership'> & { membership: number }>(
      name,
      text,
      values,
    )
    return rows.map((row) => ({ ...row, membership: membershipOf(row.membership) }))
  }
}
