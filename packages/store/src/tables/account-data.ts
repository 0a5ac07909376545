import type { Queryable } from '../connection/queryable.ts'

export interface AccountDataRow {
  readonly userNid: number
  /** null: not of a room. */
  readonly roomNid: number | null
  readonly type: string
  readonly pos: number
  /** JSON text. */
  readonly content: string
}

/** What one user may keep in all. */
export interface AccountDataQuota {
  readonly entries: number
  readonly bytes: number
}

const columns = `user_nid as "userNid", room_nid as "roomNid", type, pos, content`

/** What clients keep for their users, for all rooms or for one. */
export class AccountData {
  readonly #db: Queryable

  constructor(db: Queryable) {
    this.#db = db
  }

  /**
   * Sets an entry at the next stream position and resolves to that; to undefined when the user would have more than the
   * quota. The sum is taken before the stream's row is locked, so two writers may overstep the quota by one entry.
   */
  async set(row: Omit<AccountDataRow, 'pos'>, quota: AccountDataQuota): Promise<number | undefined> {
    const rows = await this.#db.query<{ pos: number }>(
      'accountData.set',
      `with kept as materialized (
         select count(*) as entries, coalesce(sum(octet_length(content) + octet_length(type)), 0) as bytes
         from account_data where user_nid = $1 and (room_nid, type) is distinct from ($2::bigint, $3::text)
       ), head as (
         update stream_head set pos = pos + 1
         where (select entries < $5 and bytes + octet_length($3) + octet_length($4) <= $6 from kept)
         returning pos
       )
       insert into account_data (user_nid, room_nid, type, pos, content) select $1, $2, $3, pos, $4 from head
       on conflict on constraint account_data_key do update
         set pos = excluded.pos, content = excluded.content, deleted = false
       returning pos`,
      [row.userNid, row.roomNid, row.type, row.content, quota.entries, quota.bytes],
    )
    return rows[0]?.pos
  }

  /**
   * Deletes an entry at the next stream position and resolves to that; to undefined when there is none. An empty one stays
   * in its place, for devices that have yet to hear of it.
   */
  async delete({ userNid, roomNid, type }: Omit<AccountDataRow, 'pos' | 'content'>): Promise<number | undefined> {
    const rows = await this.#db.query<{ pos: number }>(
      'accountData.delete',
      `with head as (
         update stream_head set pos = pos + 1 where exists (select from account_data
           where user_nid = $1 and room_nid is not distinct from $2 and type = $3 and not deleted)
         returning pos
       )
       update account_data set pos = head.pos, content = '{}', deleted = true from head
        where user_nid = $1 and room_nid is not distinct from $2 and type = $3
       returning account_data.pos`,
      [userNid, roomNid, type],
    )
    return rows[0]?.pos
  }

  /** Removes all entries of a user. */
  async deleteAll(userNid: number): Promise<void> {
    await this.#db.execute('accountData.deleteAll', `delete from account_data where user_nid = $1`, [userNid])
  }

  /** Within a transaction: until its end, nobody else who asks this changes the user's account data. */
  async lock(userNid: number): Promise<void> {
    await this.#db.query('accountData.lock', `select from accounts where user_nid = $1 for no key update`, [userNid])
  }

  /** The content of an entry, as JSON text. */
  async find(userNid: number, roomNid: number | null, type: string): Promise<string | undefined> {
    const rows = await this.#db.read<{ content: string }>(
      'accountData.find',
      `select content from account_data where user_nid = $1 and room_nid is not distinct from $2 and type = $3
         and not deleted`,
      [userNid, roomNid, type],
    )
    return rows[0]?.content
  }

  /** An entry that is of no room, of those among these users who have it. */
  async findOfUsers(userNids: readonly number[], type: string): Promise<AccountDataRow[]> {
    return this.#db.read<AccountDataRow>(
      'accountData.findOfUsers',
      `select ${columns} from account_data where user_nid = any ($1) and room_nid is null and type = $2 and not deleted`,
      [userNids, type],
    )
  }

  /** What a user has set or deleted at positions after one and up to another, in order; from 0 on, what there is. */
  async listChanged(userNid: number, after: number, upTo: number): Promise<AccountDataRow[]> {
    return this.#db.read<AccountDataRow>(
      'accountData.listChanged',
      `select ${columns} from account_data where user_nid = $1 and pos > $2 and pos <= $3
         and ($2 > 0 or not deleted) order by pos`,
      [userNid, after, upTo],
    )
  }

  /** What anybody set at positions after one and up to another, in order; at most `limit`. */
  async listByPosition(after: number, upTo: number, limit: number): Promise<AccountDataRow[]> {
    return this.#db.read<AccountDataRow>(
      'accountData.listByPosition',
      `select ${columns} from account_data where pos > $1 and pos <= $2 order by pos limit $3`,
      [after, upTo, limit],
    )
  }
}
