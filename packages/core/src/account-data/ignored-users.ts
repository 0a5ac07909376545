import { isJsonObject, type JsonObject, type UserId } from '@hearth/protocol'
import type { RoomEvent } from '@hearth/rooms'
import { LruCache, type Metrics } from '@hearth/runtime'
import type { Store, Tables } from '@hearth/store'
import type { Change } from '../sync/change.ts'
import type { StreamFeed } from '../sync/stream-feed.ts'

/** The type of account data in which clients keep whom their user ignores. */
export const ignoredUserList = 'm.ignored_user_list'

const nobody: ReadonlySet<string> = new Set()
const bytesPerUser = 150

/**
 * Whom each user ignores, kept in memory as the stream tells it: who follows their sync is asked for once.
 * {@link https://spec.matrix.org/v1.19/client-server-api/#ignoring-users}
 */
export class IgnoredUsers {
  readonly #store: Pick<Store, 'accountData' | 'users'>
  readonly #lists: LruCache<number, ReadonlySet<string>>
  readonly #loading = new Map<number, Promise<ReadonlySet<string>>>()

  constructor(deps: {
    store: Pick<Store, 'accountData' | 'users'>
    feed: Pick<StreamFeed, 'listen'>
    maxBytes: number
    metrics: Metrics
  }) {
    this.#store = deps.store
    this.#lists = new LruCache({
      name: 'ignored-users',
      maxBytes: deps.maxBytes,
      sizeOf: ({ size }) => (1 + size) * bytesPerUser,
      metrics: deps.metrics,
    })
    deps.feed.listen((changes) => this.#follow(changes))
  }

  /** Those whom a user ignores; never themselves. */
  async of(userId: UserId): Promise<ReadonlySet<string>> {
    const userNid = this.#store.users.peek(userId) ?? (await this.#store.users.find(userId))
    if (userNid === undefined) return nobody
    return withoutSelf(this.#lists.get(userNid) ?? (await this.#loaded(userNid)), userId)
  }

  /** The same, if it is in memory. */
  peek({ userNid, userId }: { readonly userNid: number; readonly userId: UserId }): ReadonlySet<string> | undefined {
    const list = this.#lists.get(userNid)
    return list && withoutSelf(list, userId)
  }

  /** Those whom each of several users ignores, read with one query where it is not known. */
  async ofUsers(
    userNids: readonly number[],
    tables: Pick<Tables, 'accountData'>,
  ): Promise<ReadonlyMap<number, ReadonlySet<string>>> {
    const missing = userNids.filter((nid) => !this.#lists.has(nid))
    const rows = missing.length === 0 ? [] : await tables.accountData.findOfUsers(missing, ignoredUserList)
    const read = new Map(rows.map(({ userNid, content }) => [userNid, usersIn(content)]))
    return new Map(userNids.map((nid) => [nid, this.#lists.get(nid) ?? read.get(nid) ?? nobody]))
  }

  #loaded(userNid: number): Promise<ReadonlySet<string>> {
    let loading = this.#loading.get(userNid)
    if (!loading) {
      loading = this.#load(userNid).finally(() => this.#loading.delete(userNid))
      this.#loading.set(userNid, loading)
    }
    return loading
  }

  async #load(userNid: number): Promise<ReadonlySet<string>> {
    const content = await this.#store.accountData.find(userNid, null, ignoredUserList)
    // What the stream has told meanwhile is newer.
    const known = this.#lists.get(userNid)
    if (known) return known
    const list = content === undefined ? nobody : usersIn(content)
    this.#lists.set(userNid, list)
    return list
  }

  #follow(changes: readonly Change[]): void {
    for (const change of changes) {
      if (change.kind !== 'account-data' || change.roomNid !== null || change.type !== ignoredUserList) continue
      const { userNid } = change
      if (this.#lists.has(userNid) || this.#loading.has(userNid)) this.#lists.set(userNid, usersIn(change.content))
    }
  }
}

/** Whether an event is kept from somebody who ignores these users: state is not, or rooms would look different to them. */
export function hidesEvent(ignored: ReadonlySet<string>, { pdu }: RoomEvent): boolean {
  return pdu.state_key === undefined && ignored.has(pdu.sender)
}

function withoutSelf(list: ReadonlySet<string>, userId: UserId): ReadonlySet<string> {
  return list.has(userId) ? new Set([...list].filter((each) => each !== userId)) : list
}

/** The users of a list. Clients may have put anything there. */
function usersIn(content: string): ReadonlySet<string> {
  const { ignored_users: users } = JSON.parse(content) as JsonObject
  return isJsonObject(users) ? new Set(Object.keys(users)) : nobody
}
