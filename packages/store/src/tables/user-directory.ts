import type { Queryable } from '../connection/queryable.ts'
import { wellKnownTypes } from './event-types.ts'
import { membershipCodes } from './membership-code.ts'

/** Who is looked for, by whom. */
export interface DirectoryQuery {
  /** Each has to be the beginning of one of the user's words; in lower case, at least one. */
  readonly words: readonly string[]
  /** Who looks: the number and the state key of a user of this server. */
  readonly userNid: number
  readonly stateKeyNid: number
  readonly ownServerNid: number
  readonly limit: number
}

/** Somebody who was found. */
export interface DirectoryRow {
  readonly stateKeyNid: number
  /** Their member event in a room that makes them visible. */
  readonly nid: number
}

/** How many users with a fitting word are looked at: all but few searches are for more than two letters. */
const maxCandidates = 1_000
/** Greater than everything that may follow the beginning of a word. */
const afterAll = '\u{10ffff}'

const joinedMember = `type_nid = ${wellKnownTypes['m.room.member']} and membership = ${membershipCodes.join}`

/** The words by which joined users are found. */
export class UserDirectory {
  readonly #db: Queryable

  constructor(db: Queryable) {
    this.#db = db
  }

  /** Sets the words of users, in lower case; without any a user is not found. */
  async replace(users: ReadonlyMap<number, readonly string[]>): Promise<void> {
    if (users.size === 0) return
    const rows = [...users].flatMap(([stateKeyNid, words]) => words.map((word) => ({ stateKeyNid, word })))
    await this.#db.execute('userDirectory.delete', 'delete from user_directory where skey_nid = any($1)', [
      [...users.keys()],
    ])
    await this.#db.execute(
      'userDirectory.insert',
      `insert into user_directory (skey_nid, word) select * from unnest($1::int[], $2::text[]) on conflict do nothing`,
      [rows.map(({ stateKeyNid }) => stateKeyNid), rows.map(({ word }) => word)],
    )
  }

  /** Those of these state keys whose users are in no room. */
  async listGone(stateKeyNids: readonly number[]): Promise<number[]> {
    const rows = await this.#db.query<{ stateKeyNid: number }>(
      'userDirectory.listGone',
      `select k.skey_nid as "stateKeyNid" from unnest($1::int[]) k(skey_nid)
        where not exists (select from current_state c where c.skey_nid = k.skey_nid and c.${joinedMember})`,
      [stateKeyNids],
    )
    return rows.map(({ stateKeyNid }) => stateKeyNid)
  }

  /**
   * Users with these words whom the one who looks may see: they are in a room with them, or in one that anybody may join or
   * read, and that this server is in. In the order of the word that was found.
   */
  async search({ words, userNid, stateKeyNid, ownServerNid, limit }: DirectoryQuery): Promise<DirectoryRow[]> {
    const [longest, ...others] = words.toSorted((a, b) => b.length - a.length)
    return this.#db.query<DirectoryRow>(
      'userDirectory.search',
      `select w.skey_nid as "stateKeyNid", v.nid
         from (select skey_nid, min(word) as word
                 from (select skey_nid, word from user_directory where word >= $1 and word < $1 || '${afterAll}'
                        order by word, skey_nid limit ${maxCandidates}) found
                group by skey_nid) w
         cross join lateral (
           select c.nid from current_state c
            where c.skey_nid = w.skey_nid and c.${joinedMember}
              and exists (select from room_servers r
                           where r.room_nid = c.room_nid and r.server_nid = $2 and r.joined > 0)
              and (exists (select from room_statistics s
                            where s.room_nid = c.room_nid and (s.join_rule = 'public' or s.world_readable))
                or (c.skey_nid <> $4
                  and exists (select from local_membership l
                               where l.user_nid = $3 and l.room_nid = c.room_nid
                                 and l.membership = ${membershipCodes.join})))
            order by c.nid limit 1) v
        where not exists (
          select from unnest($5::text[]) t(word)
           where not exists (select from user_directory o
                              where o.skey_nid = w.skey_nid and o.word >= t.word and o.word < t.word || '${afterAll}'))
        order by w.word, w.skey_nid limit $6`,
      [longest!, ownServerNid, userNid, stateKeyNid, others, limit],
    )
  }
}
