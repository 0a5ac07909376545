import { serverOf, type UserId } from '@hearth/protocol'
import { Dictionary, type DictionaryDeps } from './dictionary.ts'
import type { Servers } from './servers.ts'

/** Users of any server, whether or not they have an account here. */
export class Users extends Dictionary<UserId> {
  readonly #servers: Servers

  constructor(deps: DictionaryDeps & { readonly servers: Servers }) {
    super({ table: 'users', column: 'user_id' }, deps)
    this.#servers = deps.servers
  }

  protected override async insert(userIds: readonly UserId[]): Promise<{ nid: number; key: string }[]> {
    const servers = await this.#servers.internAll(userIds.map((userId) => serverOf(userId)))
    return this.db.query(
      'users.insert',
      `insert into users (user_id, server_nid) select * from unnest($1::text[], $2::int[])
         on conflict do nothing returning nid, user_id as key`,
      [userIds, userIds.map((userId) => servers.get(serverOf(userId))!)],
    )
  }
}
