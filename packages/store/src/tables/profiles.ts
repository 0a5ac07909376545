import type { Queryable } from '../connection/queryable.ts'

export interface ProfileRow {
  readonly userNid: number
  readonly pos: number
  /** A JSON object, as text. */
  readonly fields: string
}

const columns = `user_nid as "userNid", pos, fields`

/** What the accounts of this server show of themselves. */
export class Profiles {
  readonly #db: Queryable

  constructor(db: Queryable) {
    this.#db = db
  }

  /** The fields of an account that is in use, as JSON text; undefined when there is no such account. */
  async find(userNid: number): Promise<string | undefined> {
    const rows = await this.#db.read<{ fields: string }>(
      'profiles.find',
      `select coalesce(fields, '{}') as fields from accounts left join profiles using (user_nid)
        where user_nid = $1 and deactivated_ts is null`,
      [userNid],
    )
    return rows[0]?.fields
  }

  /** The profiles of these users; those who have set nothing are left out. */
  async findAll(userNids: readonly number[]): Promise<ProfileRow[]> {
    return this.#db.read<ProfileRow>('profiles.findAll', `select ${columns} from profiles where user_nid = any ($1)`, [
      userNids,
    ])
  }

  /** The same as {@link find}, within a transaction until whose end nobody else changes the profile. */
  async lock(userNid: number): Promise<string | undefined> {
    const rows = await this.#db.query<{ fields: string }>(
      'profiles.lock',
      `with owner as materialized (
         select user_nid from accounts where user_nid = $1 and deactivated_ts is null
       ), made as (
         insert into profiles (pos, user_nid, fields) select 0, user_nid, '{}' from owner
         on conflict (user_nid) do update set fields = profiles.fields returning fields
       )
       select fields from made`,
      [userNid],
    )
    return rows[0]?.fields
  }

  /** Replaces the fields of a profile that has been locked; resolves to the stream position of the change. */
  async replace(userNid: number, fields: string): Promise<number> {
    const rows = await this.#db.query<{ pos: number }>(
      'profiles.replace',
      `with head as (update stream_head set pos = pos + 1 returning pos)
       update profiles set fields = $2, pos = head.pos from head where user_nid = $1 returning profiles.pos`,
      [userNid, fields],
    )
    return rows[0]!.pos
  }

  /** Removes the profile of an account that is closed, which nobody is shown any more. */
  async delete(userNid: number): Promise<void> {
    await this.#db.execute('profiles.delete', 'delete from profiles where user_nid = $1', [userNid])
  }

  /** What changed at positions after one and up to another, in order; at most `limit`. */
  async listByPosition(after: number, upTo: number, limit: number): Promise<ProfileRow[]> {
    return this.#db.read<ProfileRow>(
      'profiles.listByPosition',
      `select ${columns} from profiles where pos > $1 and pos <= $2 order by pos limit $3`,
      [after, upTo, limit],
    )
  }
}
