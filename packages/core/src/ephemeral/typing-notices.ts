import type { UserId } from '@hearth/protocol'
import type { GoneDevice } from '../accounts/sessions.ts'
import type { Requester } from '../requester.ts'
import type { RoomAccess } from '../rooms/room-access.ts'
import type { Room } from '../rooms/room.ts'
import type { Change } from '../sync/change.ts'
import type { StreamFeed } from '../sync/stream-feed.ts'
import type { SyncIndex } from '../sync/sync-index.ts'
import type { Typing } from './typing.ts'

const defaultTimeoutMs = 30_000
const maxTimeoutMs = 120_000
/** For how long the word of another server holds that says nothing more. */
const heardTimeoutMs = 60_000
/**
 * Where more syncs than these follow a room, somebody's typing wakes none of them; it is told with whatever they are
 * answered next.
 */
const maxWoken = 200

/** What another server says of its user. */
export interface HeardTyping {
  readonly room: Room
  readonly userId: UserId
  readonly isTyping: boolean
}

/** Of so many who type it is known by which device; of others their time ends it. */
const maxRemembered = 20_000

export interface TypingRequest {
  readonly requester: Requester
  readonly room: Room
  readonly isTyping: boolean
  /** For how long, in milliseconds. */
  readonly timeoutMs?: number | undefined
}

/**
 * People say that they are typing, and the others in the room hear of it, until they say that they stopped, their time is
 * over, their device is logged out, or they are not in the room any more. That they sent something ends nothing: clients say
 * so themselves.
 * {@link https://spec.matrix.org/v1.19/client-server-api/#typing-notifications}
 */
export class TypingNotices {
  readonly #typing: Typing
  readonly #access: RoomAccess
  /** By room and user: who types by the word of a device of this server, and the room and device. */
  readonly #byDevice = new Map<string, { roomNid: number; userId: UserId; deviceNid: number }>()

  constructor(deps: { typing: Typing; access: RoomAccess; index: SyncIndex; feed: StreamFeed }) {
    this.#typing = deps.typing
    this.#access = deps.access
    deps.typing.listen(({ roomNid, userId, isTyping }) => {
      if (!isTyping) this.#byDevice.delete(`${roomNid} ${userId}`)
      deps.index.wakeFollowers(roomNid, maxWoken)
    })
    deps.feed.listen((changes) => this.#follow(changes))
  }

  /** @throws MatrixError M_FORBIDDEN for who is not joined. */
  async set({ requester, room, isTyping, timeoutMs = defaultTimeoutMs }: TypingRequest): Promise<void> {
    await this.#access.requireJoined(room, requester.userId)
    const { userId, deviceNid } = requester
    if (isTyping && timeoutMs > 0) {
      this.#remember({ roomNid: room.nid, userId, deviceNid })
      this.#typing.start(room.nid, userId, Math.min(timeoutMs, maxTimeoutMs))
    } else this.#typing.stop(room.nid, userId)
  }

  /** Those whom a full room does not show never stop, so that this has a bound of its own. */
  #remember(said: { roomNid: number; userId: UserId; deviceNid: number }): void {
    const key = `${said.roomNid} ${said.userId}`
    this.#byDevice.delete(key)
    this.#byDevice.set(key, said)
    if (this.#byDevice.size > maxRemembered) this.#byDevice.delete(this.#byDevice.keys().next().value!)
  }

  /** Ends what a device has said that is logged out. */
  endOf({ deviceNid: gone }: GoneDevice): void {
    for (const { roomNid, userId, deviceNid } of this.#byDevice.values()) {
      if (deviceNid === gone) this.#typing.stopKnown(roomNid, userId)
    }
  }

  /** Takes the word of a user's server. Whoever is not joined types nowhere. */
  async receive({ room, userId, isTyping }: HeardTyping): Promise<void> {
    if (!isTyping) this.#typing.stop(room.nid, userId)
    else if ((await this.#access.membershipOf(room, userId)) === 'join') {
      this.#typing.start(room.nid, userId, heardTimeoutMs)
    }
  }

  /** Where somebody is not any more, they do not type. */
  #follow(changes: readonly Change[]): void {
    for (const change of changes) {
      if (change.kind === 'member') {
        if (change.membership !== 'join') this.#typing.stopKnown(change.roomNid, change.userId)
      } else if (change.kind === 'event') {
        const { membership, roomNid, event } = change
        if (membership && membership.membership !== 'join')
          this.#typing.stopKnown(roomNid, event.pdu.state_key as UserId)
      }
    }
  }
}
