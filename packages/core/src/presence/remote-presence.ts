import type { ServerName, UserId } from '@hearth/protocol'
import type { Clock } from '@hearth/runtime'
import type { Store } from '@hearth/store'
import type { Change } from '../sync/change.ts'
import type { StreamFeed } from '../sync/stream-feed.ts'
import type { SyncIndex } from '../sync/sync-index.ts'
import type { UserStream } from '../sync/user-stream.ts'
import type { PresenceBoard, PresenceChange } from './presence-board.ts'
import type { HeardState } from './presence-record.ts'
import type { SeenIn } from './presence-telling.ts'

/** How a user of another server is, by the word of that. */
export interface HeardPresence extends HeardState {
  readonly userId: UserId
}

/** The rooms in which users of this server see a user of another one. */
interface SharedRooms {
  readonly userId: UserId
  readonly roomNids: Set<number>
  /** When they were read, in monotonic milliseconds. */
  readonly readAt: number
}

/** Users that are taken from one EDU; nobody sees more of a server at once. */
const maxHeard = 500
const maxUsers = 50_000
const maxWoken = 50
const maxStatusBytes = 1_024
/** Rooms that users of this server have come into since are found after this time. */
const rereadMs = 5 * 60_000

/**
 * Who of other servers is there: of those alone who are in a room with somebody of this server, and for as long as their
 * server goes on saying so. And who of this server is there by the word of another of its processes.
 * {@link https://spec.matrix.org/v1.19/server-server-api/#presence}
 */
export class RemotePresence {
  readonly #store: Pick<Store, 'currentState' | 'servers' | 'stateKeys' | 'users'>
  readonly #board: PresenceBoard
  readonly #index: SyncIndex
  readonly #clock: Clock
  /** Those of whom something was heard last come last. */
  readonly #users = new Map<number, SharedRooms>()
  readonly #byRoom = new Map<number, Set<number>>()

  constructor(deps: {
    store: Pick<Store, 'currentState' | 'servers' | 'stateKeys' | 'users'>
    board: PresenceBoard
    index: SyncIndex
    feed: StreamFeed
    clock: Clock
  }) {
    this.#store = deps.store
    this.#board = deps.board
    this.#index = deps.index
    this.#clock = deps.clock
    deps.board.placeBy((userNid) => this.#seenIn(userNid))
    deps.board.listen((change) => this.#spread(change))
    deps.feed.listen((changes) => this.#follow(changes))
    deps.index.onLoad((user) => this.#show(user))
  }

  /** Takes the word of a server for its users. */
  async receive(server: ServerName, updates: readonly HeardPresence[]): Promise<void> {
    const heard = updates.slice(0, maxHeard)
    await this.#find(
      server,
      heard.map(({ userId }) => userId),
    )
    for (const { userId, statusMsg, ...state } of heard) {
      const userNid = this.#store.users.peek(userId)
      const shared = userNid === undefined ? undefined : this.#users.get(userNid)
      if (!shared || shared.roomNids.size === 0) continue
      this.#users.delete(userNid!)
      this.#users.set(userNid!, shared)
      const message = statusMsg !== undefined && Buffer.byteLength(statusMsg) <= maxStatusBytes ? { statusMsg } : {}
      this.#board.hear(this.#board.of(userNid!, userId), { ...state, ...message })
    }
    while (this.#users.size > maxUsers) this.#forget(this.#users.keys().next().value!)
  }

  /** Finds the rooms of those whose rooms are not known, or not any more. */
  async #find(server: ServerName, userIds: readonly UserId[]): Promise<void> {
    const { users, stateKeys, servers, currentState } = this.#store
    const now = this.#clock.monotonic()
    // Of whom no event is known is in no room.
    const nids = await users.findAll(userIds)
    const unknown = [...nids].filter(([, nid]) => (this.#users.get(nid)?.readAt ?? -Infinity) < now - rereadMs)
    if (unknown.length === 0) return
    const serverNid = await servers.find(server)
    if (serverNid === undefined) return
    const keys = await stateKeys.findAll(unknown.map(([userId]) => userId))
    const rooms = await currentState.listSharedWithServer(serverNid, [...keys.values()])
    for (const [userId, userNid] of unknown) {
      const roomNids = rooms.get(keys.get(userId) ?? -1) ?? []
      this.#forgetRooms(userNid)
      this.#users.set(userNid, { userId, roomNids: new Set(roomNids), readAt: now })
      for (const roomNid of roomNids) this.#enter(roomNid, userNid)
    }
  }

  #seenIn(userNid: number): SeenIn | undefined {
    const shared = this.#users.get(userNid)
    return shared && { roomNids: [...shared.roomNids], observerNids: [] }
  }

  /** Takes the word of another process for the rooms of a user who is not followed here. */
  #place(userNid: number, userId: UserId, { roomNids }: SeenIn): void {
    this.#forgetRooms(userNid)
    if (this.#index.find(userNid)) return
    this.#users.set(userNid, { userId, roomNids: new Set(roomNids), readAt: this.#clock.monotonic() })
    for (const roomNid of roomNids) this.#enter(roomNid, userNid)
    while (this.#users.size > maxUsers) this.#forgetRooms(this.#users.keys().next().value!)
  }

  #spread({ userNid, userId, serial, isUrgent, isRepeated, seenIn }: PresenceChange): void {
    if (seenIn) this.#place(userNid, userId, seenIn)
    for (const roomNid of this.#users.get(userNid)?.roomNids ?? []) {
      const presence = this.#index.findRoom(roomNid)?.presence
      if (isRepeated) presence?.note(userNid, serial)
      else presence?.record(userNid, serial)
      if (isUrgent) this.#index.wakeFollowers(roomNid, maxWoken)
    }
  }

  /** Shows who is there to somebody who comes into memory, in rooms that nobody followed before. */
  #show({ userNid: ownNid, rooms }: UserStream): void {
    this.#forgetRooms(ownNid)
    for (const { watch } of rooms.values()) {
      if (!watch) continue
      for (const userNid of this.#byRoom.get(watch.nid) ?? []) {
        const record = this.#board.find(userNid)
        if (record) watch.presence.note(userNid, record.serial)
      }
    }
  }

  #follow(changes: readonly Change[]): void {
    for (const change of changes) {
      if (change.kind !== 'event' || !change.membership) continue
      const { userNid, membership } = change.membership
      const shared = this.#users.get(userNid)
      if (!shared) continue
      if (membership === 'join') {
        shared.roomNids.add(change.roomNid)
        this.#enter(change.roomNid, userNid)
      } else if (shared.roomNids.delete(change.roomNid)) {
        this.#leave(change.roomNid, userNid)
        this.#index.findRoom(change.roomNid)?.presence.forget(userNid)
      }
    }
  }

  #enter(roomNid: number, userNid: number): void {
    const users = this.#byRoom.get(roomNid)
    if (users) users.add(userNid)
    else this.#byRoom.set(roomNid, new Set([userNid]))
  }

  #leave(roomNid: number, userNid: number): void {
    const users = this.#byRoom.get(roomNid)
    if (users?.delete(userNid) && users.size === 0) this.#byRoom.delete(roomNid)
  }

  #forgetRooms(userNid: number): void {
    for (const roomNid of this.#users.get(userNid)?.roomNids ?? []) this.#leave(roomNid, userNid)
    this.#users.delete(userNid)
  }

  #forget(userNid: number): void {
    this.#forgetRooms(userNid)
    this.#board.forget(userNid)
  }
}
