import { invalidParam, notFound, serverOf, type UserId } from '@hearth/protocol'
import type { PresenceListEntry, PresenceListRow, Store } from '@hearth/store'
import type { Requester } from '../requester.ts'
import type { PresenceListChange } from '../sync/change.ts'
import type { StreamFeed } from '../sync/stream-feed.ts'
import { userLimitExceeded } from '../user-limit-exceeded.ts'
import type { Presence, PresenceStatus } from './presence.ts'

/** What somebody wants of their list, and of those who want to see them. */
export interface PresenceListRequest {
  /** Those whom the requester wants to see. */
  readonly invite?: readonly UserId[] | undefined
  /** Those whom they want to see no more. */
  readonly drop?: readonly UserId[] | undefined
  /** Those who asked and may see the requester. */
  readonly accept?: readonly UserId[] | undefined
  /** Those who may not, or not any more. */
  readonly deny?: readonly UserId[] | undefined
}

const maxObserved = 200
const maxObservers = 500

/**
 * Whose presence people see though they share no room: of those who let them, since nobody is seen who does not want it.
 * The founding API has such lists, and today's none; what they show comes down the sync of both.
 */
export class PresenceLists {
  readonly #deps: {
    readonly store: Store
    readonly feed: Pick<StreamFeed, 'publish' | 'reached' | 'writing'>
    readonly presence: Presence
    readonly serverName: string
  }

  constructor(deps: {
    store: Store
    feed: Pick<StreamFeed, 'publish' | 'reached' | 'writing'>
    presence: Presence
    serverName: string
  }) {
    this.#deps = deps
  }

  /** Those on the requester's list who let them see, and how they are. */
  async list({ userNid }: Requester): Promise<(PresenceStatus & { readonly user_id: UserId })[]> {
    const { store, presence } = this.#deps
    const entries = await store.presenceLists.listOf(userNid)
    const observed = entries.flatMap(({ observerNid, observedNid, state }) => {
      return observerNid === userNid && state === 'granted' ? [observedNid] : []
    })
    const [userIds, statuses] = await Promise.all([store.users.keysOf(observed), presence.statuses(observed)])
    return observed.map((nid) => ({ user_id: userIds.get(nid)!, ...statuses.get(nid)! }))
  }

  /**
   * Changes the requester's list, and answers those who asked to have them on theirs. Who already sees the requester is
   * seen by them without being asked.
   *
   * @throws MatrixError M_INVALID_PARAM for inviting oneself or somebody of another server, M_NOT_FOUND for somebody who has
   *   no account, M_USER_LIMIT_EXCEEDED.
   */
  async change(requester: Requester, request: PresenceListRequest): Promise<void> {
    const { store } = this.#deps
    const { invite = [], drop = [], accept = [], deny = [] } = request
    await this.#checkInvited(requester, invite)
    const nids = await store.users.findAll([...new Set([...invite, ...drop, ...accept, ...deny])])
    const nidsOf = (userIds: readonly UserId[]) => userIds.flatMap((userId) => nids.get(userId) ?? [])
    const wanted = { invite: nidsOf(invite), drop: nidsOf(drop), accept: nidsOf(accept), deny: nidsOf(deny) }
    const rows = await this.#write(requester.userNid, wanted)
    if (rows.length > 0) await this.#publish(rows)
  }

  async #checkInvited({ userId: own }: Requester, invited: readonly UserId[]): Promise<void> {
    const { store, serverName } = this.#deps
    for (const userId of invited) {
      if (userId === own) throw invalidParam('Everybody sees themselves')
      if (serverOf(userId) !== serverName) throw invalidParam('Only users of this server can be on a presence list')
    }
    const nids = await store.users.findAll(invited)
    const profiles = await Promise.all([...nids.values()].map((nid) => store.profiles.find(nid)))
    if (nids.size < new Set(invited).size || profiles.includes(undefined)) throw notFound('There is no such user')
  }

  async #write(userNid: number, wanted: Wanted): Promise<PresenceListRow[]> {
    const { store, feed } = this.#deps
    return feed.writing(() =>
      store.transaction(async (tx) => {
        // Nobody else changes lists from here on: a quota holds, and an answer is to what was asked.
        await tx.streamHead.advance(0)
        const current = await tx.presenceLists.listOf(userNid)
        const observers = wanted.invite.length === 0 ? undefined : await tx.presenceLists.countObservers(wanted.invite)
        const entries = changesOf(userNid, current, wanted, observers)
        if (entries.length === 0) return []
        const first = await tx.streamHead.advance(entries.length)
        const rows = entries.map((entry, index) => ({ ...entry, pos: first + index }))
        await tx.presenceLists.put(rows)
        return rows
      }),
    )
  }

  async #publish(rows: readonly PresenceListRow[]): Promise<void> {
    const { store, feed } = this.#deps
    const userIds = await store.users.keysOf(rows.flatMap(({ observerNid, observedNid }) => [observerNid, observedNid]))
    const changes = rows.map((row): PresenceListChange => {
      const [observerId, observedId] = [userIds.get(row.observerNid)!, userIds.get(row.observedNid)!]
      return { kind: 'presence-list', ...row, observerId, observedId }
    })
    feed.publish({ firstPos: rows[0]!.pos, count: rows.length, changes })
    // So that a sync after the answer has it.
    await feed.reached(rows.at(-1)!.pos)
  }
}

type Wanted = Readonly<Record<keyof PresenceListRequest, readonly number[]>>

/** What has to be written, each entry once. */
function changesOf(
  userNid: number,
  current: readonly PresenceListRow[],
  { invite, drop, accept, deny }: Wanted,
  observerCounts: ReadonlyMap<number, number> = new Map(),
): PresenceListEntry[] {
  const observed = new Map<number, PresenceListEntry>()
  const observers = new Map<number, PresenceListEntry>()
  for (const entry of current) {
    if (entry.observerNid === userNid) observed.set(entry.observedNid, entry)
    else observers.set(entry.observerNid, entry)
  }
  const before: ReadonlySet<PresenceListEntry> = new Set(current)
  for (const nid of drop) {
    if (observed.has(nid)) observed.set(nid, { observerNid: userNid, observedNid: nid, state: 'none' })
  }
  for (const nid of deny) {
    if (observers.has(nid)) observers.set(nid, { observerNid: nid, observedNid: userNid, state: 'none' })
  }
  for (const nid of accept) {
    const isAsked = observers.get(nid)?.state === 'asked'
    if (isAsked) observers.set(nid, { observerNid: nid, observedNid: userNid, state: 'granted' })
  }
  for (const nid of invite) {
    if ((observed.get(nid)?.state ?? 'none') !== 'none') continue
    if (!observed.has(nid) && (observerCounts.get(nid) ?? 0) >= maxObservers) {
      throw userLimitExceeded(`A user may be on at most ${maxObservers} presence lists`)
    }
    const state = observers.get(nid)?.state === 'granted' ? 'granted' : 'asked'
    observed.set(nid, { observerNid: userNid, observedNid: nid, state })
  }
  if ([...observed.values()].filter(({ state }) => state !== 'none').length > maxObserved) {
    throw userLimitExceeded(`A presence list may have at most ${maxObserved} users`)
  }
  return [...observed.values(), ...observers.values()].filter((entry) => !before.has(entry))
}
