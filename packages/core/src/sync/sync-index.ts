import type { RoomId, UserId } from '@hearth/protocol'
import type { Store } from '@hearth/store'
import { ClientEvent } from '../events/client-event.ts'
import type { EventSerializer } from '../events/event-serializer.ts'
import type {
  AccountDataChange,
  Change,
  EventChange,
  OutsideMembershipChange,
  PresenceListChange,
  ReceiptChange,
  ToDeviceChange,
} from './change.ts'
import { RoomWatch } from './room-watch.ts'
import type { StreamFeed } from './stream-feed.ts'
import { UserStream } from './user-stream.ts'
import { WakeQueue } from './wake-queue.ts'

export interface SyncIndexDeps {
  readonly store: Pick<Store, 'localMemberships' | 'presenceLists' | 'roomHeads' | 'users'>
  readonly feed: StreamFeed
  readonly serializer: Pick<EventSerializer, 'remember' | 'forget'>
  /** Users kept in memory; those who wait are kept beyond it. */
  readonly maxUsers: number
  /** Bytes that the timelines of all rooms may hold together. */
  readonly maxTimelineBytes: number
}

type TakenMembership = Pick<EventChange, 'membership' | 'pos' | 'roomNid' | 'roomId'> & { readonly nid: number | null }

/**
 * Where more syncs than these follow a room, a receipt wakes only those of its sender: everybody has read each message, and
 * to tell everybody of everybody would be work by the square. The others get it with whatever they are answered next.
 */
const maxWokenByReceipt = 100

/**
 * The users who sync and the rooms they are in, kept up to date by the stream. It makes an incremental sync a matter of
 * comparing positions in memory.
 */
export class SyncIndex {
  readonly #deps: SyncIndexDeps
  /** Those who synced last come last. */
  readonly #users = new Map<number, UserStream>()
  readonly #loading = new Map<number, Promise<UserStream>>()
  readonly #loadListeners: ((user: UserStream) => void)[] = []
  /** Those with the newest events come last. */
  readonly #rooms = new Map<number, RoomWatch>()
  readonly #toWake = new WakeQueue()
  #timelineBytes = 0
  #evicting = false

  constructor(deps: SyncIndexDeps) {
    this.#deps = deps
    deps.feed.listen((changes) => this.#take(changes))
  }

  get userCount(): number {
    return this.#users.size
  }

  get roomCount(): number {
    return this.#rooms.size
  }

  get timelineBytes(): number {
    return this.#timelineBytes
  }

  get waiterCount(): number {
    let count = 0
    for (const { waiters } of this.#users.values()) count += waiters.size
    return count
  }

  /** The stream of a user, loaded with a few queries if it is not in memory. */
  async user(userNid: number, userId: UserId): Promise<UserStream> {
    const loading = this.#loading.get(userNid)
    if (loading) return loading
    const known = this.#users.get(userNid)
    if (known) {
      this.#users.delete(userNid)
      this.#users.set(userNid, known)
      return known
    }
    const load = this.#load(userNid, userId).finally(() => this.#loading.delete(userNid))
    this.#loading.set(userNid, load)
    return load
  }

  /** The stream of a user, if it is in memory. */
  find(userNid: number): UserStream | undefined {
    return this.#users.get(userNid)
  }

  /** What is followed of a room, if anything is. */
  findRoom(roomNid: number): RoomWatch | undefined {
    return this.#rooms.get(roomNid)
  }

  /** Whether a watch is still told of its room. */
  follows(watch: RoomWatch): boolean {
    return this.#rooms.get(watch.nid) === watch
  }

  /** Follows a room for somebody who is not joined to it, until {@link unwatch}, which others who do may call as well. */
  watch(roomNid: number, roomId: RoomId): RoomWatch {
    return this.#watch(roomNid, roomId, this.#deps.feed.position)
  }

  /** Calls back with each user whose stream has come into memory. */
  onLoad(listener: (user: UserStream) => void): void {
    this.#loadListeners.push(listener)
  }

  /** Wakes those who follow a room, for news that is not in the stream; of members or of others nobody where more do. */
  wakeFollowers(roomNid: number, atMost: number): void {
    const watch = this.#rooms.get(roomNid)
    if (watch) this.#wakeFew(watch, atMost)
  }

  /** Wakes a user's own syncs, for news that is not in the stream. */
  wakeUser(userNid: number): void {
    const user = this.#users.get(userNid)
    if (user) this.#toWake.add(user.waiters)
  }

  /** Stops following a room that nobody needs any more. */
  unwatch(watch: RoomWatch | undefined): void {
    if (!watch || watch.isNeeded || !this.follows(watch)) return
    this.#timelineBytes -= watch.timeline.weight
    this.#rooms.delete(watch.nid)
  }

  async #load(userNid: number, userId: UserId): Promise<UserStream> {
    const { store, feed } = this.#deps
    const user = new UserStream({ userNid, userId, position: feed.position })
    // Registered before the question is asked, so that no change falls between.
    this.#users.set(userNid, user)
    try {
      const rows = await store.localMemberships.listWithRooms(userNid)
      for (const { roomNid, roomId, membership, pos, nid, forgotten } of rows) {
        const watch = membership === 'join' && roomId !== null ? this.watch(roomNid, roomId) : undefined
        user.setRoom({ roomNid, membership, pos, nid, forgotten, watch })
        this.unwatch(watch)
      }
      // Rooms are followed before it is asked where they stand, so that no event falls between either.
      const joined = rows.filter(({ membership }) => membership === 'join').map(({ roomNid }) => roomNid)
      const [heads, listed] = await Promise.all([store.roomHeads.findAll(joined), this.#loadLists(user)])
      for (const { roomNid, watch } of user.rooms.values()) {
        if (watch) watch.lastPos = Math.max(watch.lastPos, heads.get(roomNid)?.lastPos ?? 0)
      }
      // The database may be ahead: whoever reads the feed's position after this finds all of these at or before it.
      await feed.reached(Math.max(listed, ...rows.map(({ pos }) => pos)))
    } catch (error) {
      this.#drop(user)
      throw error
    }
    this.#evictSoon()
    for (const listener of this.#loadListeners) listener(user)
    return user
  }

  /** Reads the presence lists that a user is on; resolves to the position of their last change. */
  async #loadLists({ userNid, listed }: UserStream): Promise<number> {
    const { store } = this.#deps
    const rows = await store.presenceLists.listOf(userNid)
    const others = rows.map(({ observerNid, observedNid }) => (observerNid === userNid ? observedNid : observerNid))
    const userIds = others.length === 0 ? new Map<number, UserId>() : await store.users.keysOf(others)
    listed.load(
      userNid,
      rows.map((row, index) => ({ ...row, otherId: userIds.get(others[index]!)! })),
    )
    return rows.at(-1)?.pos ?? 0
  }

  #watch(roomNid: number, roomId: RoomId, position: number): RoomWatch {
    let watch = this.#rooms.get(roomNid)
    if (!watch) {
      watch = new RoomWatch({ nid: roomNid, id: roomId, position })
      this.#rooms.set(roomNid, watch)
    }
    return watch
  }

  #take(changes: readonly Change[]): void {
    for (const change of changes) {
      if (change.kind === 'event') this.#takeEvent(change)
      else if (change.kind === 'member') this.#takeMembership({ ...change, membership: change })
      else if (change.kind === 'account-data') this.#takeAccountData(change)
      else if (change.kind === 'receipt') this.#takeReceipt(change)
      else if (change.kind === 'to-device') this.#takeToDevice(change)
      else if (change.kind === 'presence-list') this.#takePresenceList(change)
      else if (change.kind === 'outside-membership') this.#takeOutsideMembership(change)
      else if (change.kind === 'forgotten-room') this.#users.get(change.userNid)?.forgetRoom(change.roomNid, change.pos)
    }
  }

  #takeEvent(change: EventChange): void {
    this.#takeMembership(change)
    if (change.redacted) this.#takeRedaction(change)
    const watch = this.#rooms.get(change.roomNid)
    if (!watch) return
    this.#rooms.delete(watch.nid)
    this.#rooms.set(watch.nid, watch)
    watch.lastPos = change.pos
    this.#changeTimeline(watch, () => {
      watch.timeline.push({
        pos: change.pos,
        nid: change.nid,
        stateNid: change.stateNid,
        stateBeforeNid: change.event.pdu.state_key === undefined ? change.stateNid : change.stateBeforeNid,
        currentStateNid: change.currentStateNid,
        isAfterGap: change.isAfterGap,
        event: change.event,
        client: this.#clientEvent(change),
        transaction: change.transaction,
      })
    })
    this.#toWake.addAll(watch.followers)
    if (watch.peekers.size > 0) this.#toWake.add(watch.peekers)
    if (this.#timelineBytes > this.#deps.maxTimelineBytes) this.#shrinkTimelines()
  }

  #clientEvent({ nid, roomId, event, replaced }: EventChange): ClientEvent {
    const client = new ClientEvent(event, roomId, replaced && { replaced })
    this.#deps.serializer.remember(nid, client)
    return client
  }

  #takeMembership({ membership, pos, nid, roomNid, roomId }: TakenMembership): void {
    if (!membership?.local) return
    const user = this.#users.get(membership.userNid)
    if (!user) return
    // A room that is followed from here on has this event, but not those before it in the same commit.
    const watch = membership.membership === 'join' ? this.#watch(roomNid, roomId, pos - 1) : undefined
    this.unwatch(user.setRoom({ roomNid, membership: membership.membership, pos, nid: nid ?? pos, watch }))
    this.unwatch(watch)
    this.#toWake.add(user.waiters)
  }

  #takeOutsideMembership({ userNid, roomNid, membership, pos, nid }: OutsideMembershipChange): void {
    const user = this.#users.get(userNid)
    if (!user) return
    this.unwatch(user.setRoom({ roomNid, membership, pos, nid }))
    this.#toWake.add(user.waiters)
  }

  #takeRedaction({ redacted, roomNid, roomId, event: redaction }: EventChange): void {
    const { nid, event: target } = redacted!
    this.#deps.serializer.forget(nid, target.eventId)
    const watch = this.#rooms.get(roomNid)
    if (!watch) return
    this.#changeTimeline(watch, () => {
      watch.timeline.update((entry) => {
        if (entry.nid === nid) return { event: target, client: new ClientEvent(target, roomId, { redaction }) }
        // The state event that took its place quotes what it said.
        if (entry.client.replacedId !== target.eventId) return undefined
        return { event: entry.event, client: new ClientEvent(entry.event, roomId, { replaced: target }) }
      })
    })
  }

  #takeReceipt(change: ReceiptChange): void {
    const user = this.#users.get(change.userNid)
    if (user) this.#toWake.add(user.waiters)
    const watch = this.#rooms.get(change.roomNid)
    if (!watch) return
    watch.receipts.push(change)
    if (change.type !== 'm.read.private') this.#wakeFew(watch, maxWokenByReceipt)
  }

  #wakeFew({ followers, peekers }: RoomWatch, atMost: number): void {
    if (followers.size <= atMost) this.#toWake.addAll(followers)
    if (peekers.size > 0 && peekers.size <= atMost) this.#toWake.add(peekers)
  }

  #takePresenceList(change: PresenceListChange): void {
    const { observerNid, observedNid, observerId, observedId } = change
    const observer = this.#users.get(observerNid)
    const observed = this.#users.get(observedNid)
    observer?.listed.take(observerNid, change, observedId)
    observed?.listed.take(observedNid, change, observerId)
    for (const user of [observer, observed]) if (user) this.#toWake.add(user.waiters)
  }

  #takeAccountData(change: AccountDataChange): void {
    const user = this.#users.get(change.userNid)
    if (!user) return
    user.pushAccountData(change)
    this.#toWake.add(user.waiters)
  }

  #takeToDevice({ userNid, deviceNid, pos }: ToDeviceChange): void {
    const inbox = this.#users.get(userNid)?.findInbox(deviceNid)
    if (!inbox) return
    inbox.add(pos)
    this.#toWake.add(inbox.waiters)
  }

  #changeTimeline({ timeline }: RoomWatch, change: () => void): void {
    const before = timeline.weight
    change()
    this.#timelineBytes += timeline.weight - before
  }

  /** Not before those who have just got their stream wait on it: what is dropped under them wakes nobody. */
  #evictSoon(): void {
    if (this.#evicting || this.#users.size <= this.#deps.maxUsers) return
    this.#evicting = true
    setImmediate(() => {
      this.#evicting = false
      this.#evict()
    })
  }

  /** Drops the users who have not synced for longest, but nobody who waits or is about to be answered. */
  #evict(): void {
    for (const user of this.#users.values()) {
      if (this.#users.size <= this.#deps.maxUsers) break
      if (user.waiters.size === 0 && !this.#loading.has(user.userNid)) this.#drop(user)
    }
  }

  /** Lets go of a user; whoever waits is woken and loads the user anew. */
  #drop(user: UserStream): void {
    this.#users.delete(user.userNid)
    for (const { watch } of user.rooms.values()) {
      watch?.followers.delete(user.waiters)
      this.unwatch(watch)
    }
    user.waiters.wake()
  }

  /** Empties the timelines of the rooms that have been quiet for longest: what is asked for then comes from the store. */
  #shrinkTimelines(): void {
    for (const watch of this.#rooms.values()) {
      if (this.#timelineBytes <= this.#deps.maxTimelineBytes / 2) break
      this.#changeTimeline(watch, () => watch.timeline.clear())
    }
  }
}
