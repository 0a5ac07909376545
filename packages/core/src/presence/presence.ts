import { forbidden, invalidParam, serverOf, type JsonObject, type UserId } from '@hearth/protocol'
import type { Store } from '@hearth/store'
import type { Requester } from '../requester.ts'
import type { Change } from '../sync/change.ts'
import type { StreamFeed } from '../sync/stream-feed.ts'
import type { SyncIndex } from '../sync/sync-index.ts'
import type { PresenceBoard, PresenceChange } from './presence-board.ts'
import type { PresenceRecord } from './presence-record.ts'
import { plainState, type ChosenPresence, type PresenceState } from './presence-state.ts'
import type { SeenIn } from './presence-telling.ts'

/**
 * Where more syncs than these follow a room, a change of presence wakes none of them: it rides along with whatever they are
 * answered next.
 */
const maxWoken = 50
const maxStatusBytes = 1_024

/** How somebody is seen who asks by name. */
export interface PresenceStatus {
  readonly presence: ChosenPresence
  readonly status_msg?: string
  readonly last_active_ago?: number
  readonly currently_active?: boolean
}

export interface PresenceDeps {
  readonly store: Store
  readonly board: PresenceBoard
  readonly index: SyncIndex
  readonly feed: StreamFeed
  readonly serverName: string
}

/**
 * Who is there, by what their devices do and what they say of themselves. Those hear of it who share a room, and those on
 * whose list the user is.
 * {@link https://spec.matrix.org/v1.19/client-server-api/#presence}
 */
export class Presence {
  readonly #deps: PresenceDeps

  constructor(deps: PresenceDeps) {
    this.#deps = deps
    deps.board.placeBy((userNid) => this.#seenIn(userNid))
    deps.board.listen((change) => this.#spread(change))
    deps.feed.listen((changes) => this.#follow(changes))
    deps.index.onLoad(({ userNid, rooms }) => {
      const record = deps.board.find(userNid)
      if (!record) return
      // What they did before may have been noted in no room of any process.
      if (record.isUnnoted) deps.board.repeat(record)
      else for (const { watch } of rooms.values()) watch?.presence.note(userNid, record.serial)
    })
  }

  /**
   * A device follows its user's account, which makes them online, or idle when it says so, but not when it says that it does
   * not count. The function that is returned says that the device has its answer.
   */
  async follow({ userNid, userId, deviceNid }: Requester, as: PresenceState): Promise<() => void> {
    if (as === 'offline') return () => undefined
    return this.#deps.board.connect(await this.#record(userNid, userId), deviceNid, as === 'unavailable')
  }

  /** @throws MatrixError M_INVALID_PARAM for a message that is too long. */
  async set(
    { userNid, userId, deviceNid }: Requester,
    state: ChosenPresence,
    statusMsg: string | undefined,
  ): Promise<void> {
    if (statusMsg !== undefined && (Buffer.byteLength(statusMsg) > maxStatusBytes || statusMsg.includes('\0'))) {
      throw invalidParam(`A status message may have at most ${maxStatusBytes} bytes, and no NUL`)
    }
    await this.#deps.index.user(userNid, userId)
    this.#deps.board.choose(await this.#record(userNid, userId), deviceNid, state, statusMsg || undefined)
  }

  /** A user did something that only somebody does who is there. */
  active({ userNid, userId }: Pick<Requester, 'userNid' | 'userId'>): void {
    this.#deps.board.active(this.#deps.board.of(userNid, userId))
  }

  /**
   * How a user is. Only they themselves see that they are hidden.
   *
   * @throws MatrixError M_FORBIDDEN unless the requester shares a room with them or was granted to see them.
   */
  async status(requester: Requester, userId: UserId): Promise<PresenceStatus> {
    const { store } = this.#deps
    const userNid = userId === requester.userId ? requester.userNid : await store.users.find(userId)
    const isSeen =
      userNid !== undefined &&
      (userNid === requester.userNid ||
        (await this.#shareRoom(requester.userNid, userNid, userId)) ||
        (await store.presenceLists.isGranted(requester.userNid, userNid)))
    if (!isSeen) throw forbidden('You are not allowed to see their presence')
    return (await this.#statuses([userNid], userNid === requester.userNid)).get(userNid)!
  }

  async #shareRoom(userNid: number, otherNid: number, otherId: UserId): Promise<boolean> {
    const { store, serverName } = this.#deps
    if (serverOf(otherId) === serverName) return store.localMemberships.shareRoom(userNid, otherNid)
    const stateKeyNid = await store.stateKeys.find(otherId)
    if (stateKeyNid === undefined) return false
    return (await store.currentState.listShared(userNid, stateKeyNid, { after: 0, limit: 1 })).count > 0
  }

  /** How users are seen by those who may see them. */
  async statuses(userNids: readonly number[]): Promise<ReadonlyMap<number, PresenceStatus>> {
    return this.#statuses(userNids, false)
  }

  async #statuses(userNids: readonly number[], isOwn: boolean): Promise<ReadonlyMap<number, PresenceStatus>> {
    const { store, board } = this.#deps
    const statuses = new Map<number, PresenceStatus>()
    for (const userNid of userNids) {
      const record = board.find(userNid)
      statuses.set(userNid, record ? statusOf(record, isOwn) : { presence: 'offline' })
    }
    // Of who has done nothing since the server started it is known when they were here last.
    const quiet = userNids.filter((userNid) => statuses.get(userNid)!.last_active_ago === undefined)
    const seen = quiet.length === 0 ? new Map<number, number>() : await store.devices.lastSeen(quiet)
    for (const [userNid, ts] of seen) {
      statuses.set(userNid, { ...statuses.get(userNid)!, last_active_ago: Math.max(0, board.now() - ts) })
    }
    return statuses
  }

  async #record(userNid: number, userId: UserId): Promise<PresenceRecord> {
    const { store, board } = this.#deps
    const known = board.find(userNid)
    if (known?.profile) return known
    const fields = await store.profiles.find(userNid)
    const record = board.of(userNid, userId)
    record.profile = profileOf(fields === undefined ? {} : (JSON.parse(fields) as JsonObject))
    return record
  }

  /** Where a user is seen, for other processes, as far as their account is in memory. */
  #seenIn(userNid: number): SeenIn | undefined {
    const user = this.#deps.index.find(userNid)
    return (
      user && {
        roomNids: [...user.rooms.values()].flatMap(({ roomNid, membership }) =>
          membership === 'join' ? [roomNid] : [],
        ),
        observerNids: [...user.listed.observers.keys()],
      }
    )
  }

  /** Notes a change where those look who may see it, and wakes them if it is worth it. */
  #spread({ userNid, serial, isUrgent, isRepeated, seenIn }: PresenceChange): void {
    const { index } = this.#deps
    const user = index.find(userNid)
    if (!user) {
      // Those in the rooms are told by RemotePresence.
      if (isUrgent) for (const observerNid of seenIn?.observerNids ?? []) index.wakeUser(observerNid)
      return
    }
    for (const { watch } of user.rooms.values()) {
      if (!isRepeated) watch?.presence.record(userNid, serial)
      if (watch && isUrgent) index.wakeFollowers(watch.nid, maxWoken)
    }
    if (!isUrgent) return
    const { observers } = user.listed
    if (observers.size <= maxWoken) for (const observerNid of observers.keys()) index.wakeUser(observerNid)
    index.wakeUser(userNid)
  }

  #follow(changes: readonly Change[]): void {
    for (const change of changes) {
      if (change.kind === 'event') {
        const { membership } = change
        // That a new name is told to the user's rooms is the server's doing.
        const isProfile = membership?.membership === 'join' && membership.previous === 'join'
        if (!isProfile) this.#followSender(change.event.pdu.sender as UserId)
        if (change.membership?.local) this.#followMember(change.roomNid, change.membership)
      } else if (change.kind === 'member') {
        if (change.local) this.#followMember(change.roomNid, change)
      } else if (change.kind === 'profile') {
        const record = this.#deps.board.find(change.userNid)
        if (record) this.#deps.board.setProfile(record, profileOf(change.fields))
      }
    }
  }

  #followSender(userId: UserId): void {
    const { store, serverName } = this.#deps
    if (!userId.endsWith(`:${serverName}`)) return
    const userNid = store.users.peek(userId)
    if (userNid !== undefined) this.active({ userNid, userId })
  }

  /** Who comes into a room is seen there from now on, and who leaves is not. */
  #followMember(roomNid: number, member: { userNid: number; membership: string; previous: string | undefined }): void {
    const { board, index } = this.#deps
    const { userNid, membership, previous } = member
    if (membership !== 'join') {
      index.findRoom(roomNid)?.presence.forget(userNid)
    } else if (previous !== 'join') {
      const user = index.find(userNid)
      if (user) board.repeat(board.of(userNid, user.userId))
    }
  }
}

/** How somebody is seen: with everything by themselves, as one of today's states by others of whom nobody is hidden. */
export function statusOf(record: PresenceRecord, isOwn: boolean): PresenceStatus {
  const { state, statusMsg, activeAgo } = record
  const shown = isOwn || state !== 'hidden' ? state : 'offline'
  return {
    presence: shown,
    ...(activeAgo !== undefined && { last_active_ago: activeAgo }),
    ...(plainState(shown) === 'online' && { currently_active: record.isActive }),
    ...(statusMsg !== undefined && { status_msg: statusMsg }),
  }
}

function profileOf({ displayname, avatar_url: avatarUrl }: JsonObject): JsonObject {
  return {
    ...(typeof displayname === 'string' && { displayname }),
    ...(typeof avatarUrl === 'string' && { avatar_url: avatarUrl }),
  }
}
