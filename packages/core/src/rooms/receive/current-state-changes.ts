import { isUserId, serverOf } from '@hearth/protocol'
import type { CurrentStateChange, MembershipChange, StateMap, Store } from '@hearth/store'
import type { ResolvedMemberChange } from '../../sync/change.ts'
import { membershipOf } from '../membership-content.ts'
import type { Room } from '../room.ts'
import type { ChainedEvents } from './chained-events.ts'

/** What differs between two current states of a room, where that is not simply what the events between them say. */
export class CurrentStateChanges {
  readonly #store: Store
  readonly #serverName: string
  readonly #room: Room
  readonly #chain: ChainedEvents

  constructor(deps: { store: Store; serverName: string; room: Room; chain: ChainedEvents }) {
    this.#store = deps.store
    this.#serverName = deps.serverName
    this.#room = deps.room
    this.#chain = deps.chain
  }

  /** All that differs, as a commit takes it. */
  async between(from: StateMap, to: StateMap): Promise<CurrentStateChange[]> {
    const { eventTypes, stateKeys } = this.#store
    const differences = from.diff(to)
    const memberNid = await eventTypes.intern('m.room.member')
    const userIds = await stateKeys.keysOf(
      differences.filter(({ typeNid }) => typeNid === memberNid).map(({ stateKeyNid }) => stateKeyNid),
    )
    return Promise.all(
      differences.map(async ({ typeNid, stateKeyNid, before, after }) => {
        const userId = typeNid === memberNid ? userIds.get(stateKeyNid) : undefined
        const membership = await this.#membershipChange(userId, before, after)
        return {
          typeNid,
          stateKeyNid,
          event: after === undefined ? null : this.#chain.refOf(after),
          ...(membership && { membership }),
        }
      }),
    )
  }

  /** The memberships that differ, as the stream tells of them at a position. */
  async ofMembers(from: StateMap, to: StateMap, pos: number): Promise<ResolvedMemberChange[]> {
    const { eventTypes, stateKeys } = this.#store
    const memberNid = await eventTypes.intern('m.room.member')
    const differences = from.diff(to).filter(({ typeNid }) => typeNid === memberNid)
    const userIds = await stateKeys.keysOf(differences.map(({ stateKeyNid }) => stateKeyNid))
    const changes: ResolvedMemberChange[] = []
    for (const { stateKeyNid, before, after } of differences) {
      const userId = userIds.get(stateKeyNid)
      const membership = await this.#membershipChange(userId, before, after)
      if (membership === undefined || userId === undefined || !isUserId(userId)) continue
      changes.push({
        kind: 'member',
        pos,
        nid: after ?? null,
        roomNid: this.#room.nid,
        roomId: this.#room.id,
        userId,
        userNid: membership.userNid,
        membership: membership.membership,
        previous: membership.previous ?? undefined,
        local: membership.local,
      })
    }
    return changes
  }

  async #membershipChange(
    userId: string | undefined,
    before: number | undefined,
    after: number | undefined,
  ): Promise<MembershipChange | undefined> {
    if (userId === undefined || !isUserId(userId)) return undefined
    const { users, servers } = this.#store
    const server = serverOf(userId)
    const old = before === undefined ? undefined : await this.#chain.eventOf(before)
    const current = after === undefined ? undefined : await this.#chain.eventOf(after)
    return {
      userNid: await users.intern(userId),
      serverNid: await servers.intern(server),
      local: server === this.#serverName,
      membership: membershipOf(current) ?? 'leave',
      previous: membershipOf(old) ?? null,
    }
  }
}
