import type { EventId, RoomId, ServerName } from '@hearth/protocol'
import type { Queryable } from '../connection/queryable.ts'
import { membershipCodes, membershipOf, type Membership } from './membership-code.ts'

/** A local user's membership of a room that this server is not in, as another server told of it. */
export interface NewOutsideMembership {
  readonly userNid: number
  readonly roomNid: number
  readonly membership: Membership
  /** The member event. */
  readonly eventId: EventId
  /** Its canonical JSON. */
  readonly json: string
  /** The server that told of it: one that is in the room. */
  readonly resident: ServerName
  /** What was told of the room: a JSON array of stripped state events. */
  readonly stripped: string
}

/** The same as it is stored. */
export interface OutsideMembershipRow extends NewOutsideMembership {
  readonly pos: number
  /** The number of the member event, which is in no other table. */
  readonly nid: number
  readonly roomId: RoomId
}

/** What a membership was given. */
export interface PlacedMembership {
  readonly pos: number
  readonly nid: number
}

/** A change of one as the stream tells it. */
export type OutsideMembershipEntry = Pick<OutsideMembershipRow, 'pos' | 'nid' | 'userNid' | 'roomNid' | 'membership'>

/** Numbers from here on belong to no event of the stream. */
const FIRST_OFF_STREAM_NID = 1024 ** 4

const columns = `o.pos, o.nid, o.user_nid as "userNid", o.room_nid as "roomNid", o.membership, o.event_id as "eventId", o.resident, o.json, o.stripped,
  (select room_id from rooms where rooms.nid = o.room_nid) as "roomId"`

/** Whether a membership with this nid may be one from outside. */
export function maybeOutside(nid: number): boolean {
  return nid >= FIRST_OFF_STREAM_NID
}

/** The memberships of local users in rooms that this server is not in. */
export class OutsideMemberships {
  readonly #db: Queryable

  constructor(db: Queryable) {
    this.#db = db
  }

  /**
   * Sets a membership, at the next position; resolves to undefined, and sets nothing, where the room is known from inside
   * (a user of this server is in it) or gone, and for an invitation that was taken before.
   */
  async set(membership: NewOutsideMembership, ownServerNid: number): Promise<PlacedMembership | undefined> {
    const { userNid, roomNid, eventId, json, resident, stripped } = membership
    const isInvite = membership.membership === 'invite'
    const rows = await this.#db.query<PlacedMembership>(
      'outsideMemberships.set',
      // The stream's row is locked before the membership's, as everywhere. Somebody may have joined while it was waited for.
      `with head as (
         update stream_head set pos = pos + 1
          where exists (select from rooms where nid = $2 and not deleting)
            and not exists (select from room_servers v where v.room_nid = $2 and v.server_nid = $3 and v.joined > 0)
            and not exists (select from outside_membership o where o.user_nid = $1 and o.room_nid = $2 and o.invite_id = $4)
         returning pos, nextval('off_stream_nid') as nid
       ), local as (
         insert into local_membership as l (nid, pos, user_nid, room_nid, membership)
         select nid, pos, $1, $2, $5 from head
             on conflict (user_nid, room_nid) do update
            set nid = excluded.nid, pos = excluded.pos, membership = excluded.membership, forgotten = false
          where l.membership <> ${membershipCodes.join}
         returning pos, nid
       )
       insert into outside_membership as o (pos, nid, user_nid, room_nid, membership, event_id, invite_id, resident, json, stripped)
       select pos, nid, $1, $2, $5, $6, $4, $7, $8, $9 from local
           on conflict (user_nid, room_nid) do update
          set pos = excluded.pos, nid = excluded.nid, membership = excluded.membership, event_id = excluded.event_id,
              invite_id = coalesce(excluded.invite_id, o.invite_id), resident = excluded.resident, json = excluded.json,
              stripped = excluded.stripped
       returning pos, nid`,
      [
        userNid,
        roomNid,
        ownServerNid,
        isInvite ? eventId : null,
        membershipCodes[membership.membership],
        eventId,
        resident,
        json,
        stripped,
      ],
    )
    return rows[0]
  }

  /** What was told last of a user's membership of a room, whether or not it still counts. */
  async find(userNid: number, roomNid: number): Promise<OutsideMembershipRow | undefined> {
    return (await this.findAll(userNid, [roomNid]))[0]
  }

  /** The same of several rooms, in any order. */
  async findAll(userNid: number, roomNids: readonly number[]): Promise<OutsideMembershipRow[]> {
    if (roomNids.length === 0) return []
    const rows = await this.#db.read<Omit<OutsideMembershipRow, 'membership'> & { membership: number }>(
      'outsideMemberships.findAll',
      `select ${columns} from outside_membership o where o.user_nid = $1 and o.room_nid = any($2)`,
      [userNid, roomNids],
    )
    return rows.map((row) => ({ ...row, membership: membershipOf(row.membership) }))
  }

  /** What was set at positions in `(after, upTo]`, in their order; the first `limit` of it. */
  async listByPosition(after: number, upTo: number, limit: number): Promise<OutsideMembershipEntry[]> {
    const rows = await this.#db.read<Omit<OutsideMembershipEntry, 'membership'> & { membership: number }>(
      'outsideMemberships.listByPosition',
      `select pos, nid, user_nid as "userNid", room_nid as "roomNid", membership from outside_membership
        where pos > $1 and pos <= $2 order by pos limit $3`,
      [after, upTo, limit],
    )
    return rows.map((row) => ({ ...row, membership: membershipOf(row.membership) }))
  }
}
