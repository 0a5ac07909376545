import { isDeepStrictEqual } from 'node:util'
import { notFound, serverOf, type JsonObject, type JsonValue, type UserId } from '@hearth/protocol'
import { LruCache, type Clock, type Metrics } from '@hearth/runtime'
import type { Store } from '@hearth/store'
import type { Jobs } from '../jobs/jobs.ts'
import type { RemoteProfiles } from '../remote-lookups/remote-profiles.ts'
import type { Requester } from '../requester.ts'
import type { Change } from '../sync/change.ts'
import type { StreamFeed } from '../sync/stream-feed.ts'
import { checkFieldName, memberContent, memberFields, withField, withoutField } from './profile-fields.ts'
import { ProfilePropagation } from './profile-propagation.ts'

/** What member events carry of a profile, as of a stream position. */
interface MemberProfile {
  readonly pos: number
  readonly content: JsonObject
}

const maxRemembered = 50_000

/**
 * What users show of themselves, to anybody. Each change of a profile of this server is a change of the stream; other
 * servers are asked for theirs.
 * {@link https://spec.matrix.org/v1.19/client-server-api/#profiles}
 */
export class Profiles {
  readonly #store: Store
  readonly #feed: Pick<StreamFeed, 'publish' | 'reached' | 'writing' | 'listen'>
  readonly #jobs: Pick<Jobs, 'wake'>
  readonly #remoteProfiles: Pick<RemoteProfiles, 'get'>
  readonly #serverName: string
  readonly #clock: Clock
  readonly #members: LruCache<number, MemberProfile>

  constructor(deps: {
    store: Store
    feed: Pick<StreamFeed, 'publish' | 'reached' | 'writing' | 'listen'>
    jobs: Pick<Jobs, 'wake'>
    remoteProfiles: Pick<RemoteProfiles, 'get'>
    serverName: string
    clock: Clock
    metrics: Metrics
  }) {
    this.#store = deps.store
    this.#feed = deps.feed
    this.#jobs = deps.jobs
    this.#remoteProfiles = deps.remoteProfiles
    this.#serverName = deps.serverName
    this.#clock = deps.clock
    this.#members = new LruCache({ name: 'profiles', maxEntries: maxRemembered, metrics: deps.metrics })
    deps.feed.listen((changes) => this.#follow(changes))
  }

  /** A user's whole profile. @throws MatrixError M_NOT_FOUND for unknown users, 502 where their server gives no answer. */
  async get(userId: UserId): Promise<JsonObject> {
    if (serverOf(userId) !== this.#serverName) return this.#remoteProfiles.get(userId)
    return this.getLocal(userId)
  }

  /** The profile of a user of this server. @throws MatrixError M_NOT_FOUND for all others. */
  async getLocal(userId: UserId): Promise<JsonObject> {
    const isLocal = serverOf(userId) === this.#serverName
    const userNid = isLocal ? await this.#store.users.find(userId) : undefined
    const fields = userNid === undefined ? undefined : await this.#store.profiles.find(userNid)
    if (fields === undefined) throw notFound('There is no profile of this user')
    return JSON.parse(fields) as JsonObject
  }

  /**
   * One field, as an object that has it. Without a display name or an avatar the object is empty: clients ask for these of
   * everybody, and have always been answered so.
   *
   * @throws MatrixError M_NOT_FOUND for an unknown user and for any other field that is not set, M_INVALID_PARAM and
   *   M_KEY_TOO_LARGE for what is no name of a field.
   */
  async getField(userId: UserId, name: string): Promise<JsonObject> {
    checkFieldName(name)
    const fields = await this.get(userId)
    if (Object.hasOwn(fields, name)) return { [name]: fields[name] }
    if ((memberFields as readonly string[]).includes(name)) return {}
    throw notFound('There is no such field in this profile')
  }

  /**
   * Sets a field. It is in the rooms of the user a little later.
   *
   * @throws MatrixError M_INVALID_PARAM, M_KEY_TOO_LARGE, M_PROFILE_TOO_LARGE.
   */
  async setField(requester: Requester, name: string, value: JsonValue): Promise<void> {
    await this.#change(requester, (fields) => withField(fields, name, value))
  }

  /** Removes a field, if it is there. @throws MatrixError M_INVALID_PARAM, M_KEY_TOO_LARGE. */
  async deleteField(requester: Requester, name: string): Promise<void> {
    checkFieldName(name)
    await this.#change(requester, (fields) => withoutField(fields, name))
  }

  /** What member events about a user carry: display name and avatar. Nothing about users of other servers. */
  async memberContent(userId: UserId): Promise<JsonObject> {
    return (await this.memberContents([userId])).get(userId) ?? {}
  }

  /** The same as far as it is in memory, where it is never out of date. */
  peekMemberContent(userId: UserId): JsonObject | undefined {
    const nid = serverOf(userId) === this.#serverName ? this.#store.users.peek(userId) : undefined
    return nid === undefined ? undefined : this.#members.get(nid)?.content
  }

  /** The same for several users; those without are left out. */
  async memberContents(userIds: readonly UserId[]): Promise<ReadonlyMap<UserId, JsonObject>> {
    const local = userIds.filter((userId) => serverOf(userId) === this.#serverName)
    const nids = await this.#store.users.findAll(local)
    const missing = [...nids.values()].filter((nid) => !this.#members.has(nid))
    const read = missing.length === 0 ? new Map<number, MemberProfile>() : await this.#read(missing)
    return new Map(
      [...nids].flatMap(([userId, nid]) => {
        const { content = {} } = this.#members.get(nid) ?? read.get(nid) ?? {}
        return Object.keys(content).length > 0 ? [[userId, content] as const] : []
      }),
    )
  }

  async #read(userNids: readonly number[]): Promise<Map<number, MemberProfile>> {
    const rows = new Map((await this.#store.profiles.findAll(userNids)).map((row) => [row.userNid, row]))
    const read = new Map<number, MemberProfile>()
    for (const nid of userNids) {
      const row = rows.get(nid)
      const profile = { pos: row?.pos ?? 0, content: memberContent(JSON.parse(row?.fields ?? '{}') as JsonObject) }
      // While it was read, the stream may have told of a later one.
      const known = this.#members.get(nid)
      const latest = known && known.pos > profile.pos ? known : profile
      this.#members.set(nid, latest)
      read.set(nid, latest)
    }
    return read
  }

  async #change({ userId, userNid }: Requester, change: (fields: JsonObject) => JsonObject): Promise<void> {
    const changed = await this.#write(userNid, change)
    if (!changed) return
    if (changed.isOfMembers) this.#jobs.wake()
    const { pos, fields } = changed
    this.#feed.publish({ firstPos: pos, count: 1, changes: [{ kind: 'profile', pos, userNid, userId, fields }] })
    // So that what is sent after the answer carries it.
    await this.#feed.reached(pos)
  }

  async #write(
    userNid: number,
    change: (fields: JsonObject) => JsonObject,
  ): Promise<{ pos: number; fields: JsonObject; isOfMembers: boolean } | undefined> {
    return this.#feed.writing(() =>
      this.#store.transaction(async (tx) => {
        const text = await tx.profiles.lock(userNid)
        if (text === undefined) throw notFound('There is no profile of this user')
        const before = JSON.parse(text) as JsonObject
        const fields = change(before)
        if (isDeepStrictEqual(before, fields)) return undefined
        const isOfMembers = !isDeepStrictEqual(memberContent(before), memberContent(fields))
        if (isOfMembers) {
          const job = { kind: ProfilePropagation.kind, key: String(userNid), payload: { userNid } }
          await tx.jobs.add({ ...job, now: this.#clock.now() })
        }
        return { pos: await tx.profiles.replace(userNid, JSON.stringify(fields)), fields, isOfMembers }
      }),
    )
  }

  #follow(changes: readonly Change[]): void {
    for (const change of changes) {
      if (change.kind !== 'profile') continue
      this.#members.set(change.userNid, { pos: change.pos, content: memberContent(change.fields) })
    }
  }
}
