import { plainState, statusOf, type Change, type PresenceBoard, type StreamFeed, type SyncIndex } from '@hearth/core'
import { serverOf, type ServerName, type UserId } from '@hearth/protocol'
import type { Clock, Logger, Timer } from '@hearth/runtime'
import type { Store } from '@hearth/store'
import type { FederationSender } from './federation-sender.ts'
import type { OutgoingPresence } from './pending-edus.ts'

export interface PresenceSenderDeps {
  readonly board: PresenceBoard
  readonly index: Pick<SyncIndex, 'find' | 'findRoom'>
  readonly store: Pick<Store, 'localMemberships' | 'servers'>
  readonly feed: Pick<StreamFeed, 'listen'>
  readonly sender: Pick<FederationSender, 'audiences' | 'isLeading' | 'tell'>
  readonly serverName: ServerName
  readonly clock: Clock
  readonly logger: Logger
}

/** What other servers were told of a user. */
interface Told {
  /** But for when they were active last, which is another time each time. */
  readonly text: string
  readonly at: number
}

const lingerMs = 1_000
/** Servers that hear nothing more take a user for gone, after half an hour or so. */
const repeatMs = 20 * 60_000
const sweepMs = 60_000
/** A server that comes into a room is told of so many of our users there. */
const maxGreeted = 100

/**
 * Tells servers which of our users are there: those that share a room with them, and when a user or a server comes into a
 * room, the other side of it.
 * {@link https://spec.matrix.org/v1.19/server-server-api/#presence}
 */
export class PresenceSender {
  readonly #deps: PresenceSenderDeps
  /** Of users who are there. */
  readonly #told = new Map<number, Told>()
  #timer: Timer | undefined

  constructor(deps: PresenceSenderDeps) {
    this.#deps = deps
    deps.board.listen(({ userNid, userId }) => {
      if (serverOf(userId) === deps.serverName) this.#attempt(() => this.#spread(userNid))
    })
    deps.feed.listen((changes) => this.#follow(changes))
  }

  stop(): void {
    this.#timer?.cancel()
  }

  #attempt(tell: () => Promise<void>): void {
    tell().catch((error: unknown) => this.#deps.logger.debug('could not tell servers who is there', { error }))
  }

  #presenceOf(userNid: number): OutgoingPresence | undefined {
    const record = this.#deps.board.find(userNid)
    if (!record) return undefined
    const { presence, last_active_ago: ago = 0, ...rest } = statusOf(record, false)
    return { user_id: record.userId, presence: plainState(presence), last_active_ago: ago, ...rest }
  }

  /** Tells everybody of a user, if there is anything new to tell. */
  async #spread(userNid: number): Promise<void> {
    const presence = this.#presenceOf(userNid)
    if (!presence) return
    const text = JSON.stringify({ ...presence, last_active_ago: 0 })
    const told = this.#told.get(userNid)
    const now = this.#deps.clock.monotonic()
    const isOffline = presence['presence'] === 'offline'
    if (told ? told.text === text && now - told.at < repeatMs : isOffline) return
    if (isOffline) this.#told.delete(userNid)
    else this.#told.set(userNid, { text, at: now })
    this.#sweepLater()
    await this.#tell(await this.#audienceOf(userNid), presence)
  }

  async #audienceOf(userNid: number): Promise<number[]> {
    const { index, store, sender } = this.#deps
    const known = index.find(userNid)?.rooms.values() ?? (await store.localMemberships.listByUser(userNid))
    return sender.audiences.now(
      [...known].flatMap(({ roomNid, membership }) => (membership === 'join' ? [roomNid] : [])),
    )
  }

  async #tell(serverNids: readonly number[], presence: OutgoingPresence): Promise<void> {
    // Every process knows who is there, so that any of them can go on with it.
    if (serverNids.length > 0 && this.#deps.sender.isLeading)
      await this.#deps.sender.tell(serverNids, (edus) => edus.setPresence(presence), lingerMs)
  }

  /** Whoever comes into a room sees who is there. */
  #follow(changes: readonly Change[]): void {
    for (const change of changes) {
      if (change.kind !== 'event' || change.membership?.membership !== 'join') continue
      const { userNid, previous, local } = change.membership
      if (previous === 'join') continue
      const { roomNid, event } = change
      this.#attempt(() =>
        local ? this.#introduce(roomNid, userNid) : this.#greet(roomNid, event.pdu.state_key as UserId),
      )
    }
  }

  async #introduce(roomNid: number, userNid: number): Promise<void> {
    const presence = this.#told.has(userNid) ? this.#presenceOf(userNid) : undefined
    if (presence) await this.#tell(await this.#deps.sender.audiences.now([roomNid]), presence)
  }

  async #greet(roomNid: number, userId: UserId): Promise<void> {
    const { store, index } = this.#deps
    const serverNid = await store.servers.find(serverOf(userId))
    const userNids = [...(index.findRoom(roomNid)?.presence.userNids ?? [])].filter((nid) => this.#told.has(nid))
    for (const userNid of userNids.slice(0, maxGreeted)) {
      const presence = this.#presenceOf(userNid)
      if (presence && serverNid !== undefined) await this.#tell([serverNid], presence)
    }
  }

  #sweepLater(): void {
    if (this.#told.size === 0) return
    this.#timer ??= this.#deps.clock.setTimer(sweepMs, () => {
      this.#timer = undefined
      const before = this.#deps.clock.monotonic() - repeatMs
      for (const [userNid, { at }] of this.#told) if (at <= before) this.#attempt(() => this.#spread(userNid))
      this.#sweepLater()
    })
  }
}
