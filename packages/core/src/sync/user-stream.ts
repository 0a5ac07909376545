import type { UserId } from '@hearth/protocol'
import type { Membership } from '@hearth/store'
import { ListedPresence } from '../presence/listed-presence.ts'
import type { AccountDataChange } from './change.ts'
import { DeviceInbox } from './device-inbox.ts'
import type { RoomWatch } from './room-watch.ts'
import { Waiters } from './waiters.ts'

/** A user's relation to one room. */
export interface UserRoom {
  readonly roomNid: number
  readonly membership: Membership
  /** Where the member event stands in the stream, and which it is. */
  readonly pos: number
  readonly nid: number
  /** The user asked to forget the room: only devices that have not heard of its end are told of it. */
  readonly forgotten?: boolean
  /** The room's watch while the user is joined. */
  readonly watch?: RoomWatch | undefined
}

/** Who is told of rooms, and of which, and of whose presence besides. */
export interface Audience {
  readonly userNid: number
  readonly userId: UserId
  readonly rooms: ReadonlyMap<number, UserRoom>
  readonly listed?: Pick<ListedPresence, 'observed'>
}

const maxRecentAccountData = 200
/** Devices come and go; of those that have gone nothing is worth keeping. */
const maxInboxes = 200

/** What this process knows of a user who syncs: their rooms, their recent account data, and who waits for news. */
export class UserStream implements Audience {
  readonly userNid: number
  readonly userId: UserId
  readonly rooms = new Map<number, UserRoom>()
  readonly waiters = new Waiters()
  readonly listed = new ListedPresence()
  /** Where the stream told of rooms that the user forgot: what was read of them before that is out of date. */
  readonly #forgotten = new Map<number, number>()
  /** Of the devices that sync. Those that began last come last. */
  readonly #inboxes = new Map<number, DeviceInbox>()
  readonly #accountData: AccountDataChange[] = []
  /** Every change of account data after this position is in memory. */
  #accountDataFrom: number

  constructor(options: { userNid: number; userId: UserId; position: number }) {
    this.userNid = options.userNid
    this.userId = options.userId
    this.#accountDataFrom = options.position
  }

  /** Takes a membership, unless a later one is known. Gives the watch that is no longer followed, if there is one. */
  setRoom(room: UserRoom): RoomWatch | undefined {
    const known = this.rooms.get(room.roomNid)
    if (known && known.pos > room.pos) return undefined
    const forgotten = room.forgotten || room.pos < (this.#forgotten.get(room.roomNid) ?? 0)
    if (!forgotten) this.#forgotten.delete(room.roomNid)
    this.rooms.set(room.roomNid, { ...room, forgotten })
    room.watch?.followers.add(this.waiters)
    if (known?.watch === room.watch) return undefined
    known?.watch?.followers.delete(this.waiters)
    return known?.watch
  }

  /** Marks a room that the user forgot, unless they have been let in again since. */
  forgetRoom(roomNid: number, pos: number): void {
    const known = this.rooms.get(roomNid)
    if (known && known.pos > pos) return
    if (known) this.rooms.set(roomNid, { ...known, forgotten: true })
    this.#forgotten.set(roomNid, pos)
  }

  /** The rooms in which something may have happened since a position; all of them without one. */
  roomsWithNews(since: number | undefined): UserRoom[] {
    const rooms = [...this.rooms.values()]
    if (since === undefined) return rooms
    return rooms.filter(({ pos, watch }) => pos > since || (watch !== undefined && watch.lastPos > since))
  }

  /** The joined rooms in which receipts may have moved since a position; all of them without one. */
  roomsWithReceipts(since: number | undefined): UserRoom[] {
    return [...this.rooms.values()].filter(({ membership, pos, watch }) => {
      if (membership !== 'join') return false
      return since === undefined || pos > since || watch === undefined || watch.receipts.hasNews(since)
    })
  }

  /** The inbox of one of the user's devices that is about to sync. */
  inboxOf(deviceNid: number): DeviceInbox {
    let inbox = this.#inboxes.get(deviceNid)
    if (!inbox) {
      if (this.#inboxes.size >= maxInboxes) this.#dropIdleInbox()
      this.#inboxes.set(deviceNid, (inbox = new DeviceInbox()))
    }
    return inbox
  }

  /** The inbox of a device, if it syncs. */
  findInbox(deviceNid: number): DeviceInbox | undefined {
    return this.#inboxes.get(deviceNid)
  }

  #dropIdleInbox(): void {
    for (const [deviceNid, { waiters }] of this.#inboxes) {
      if (waiters.size > 0) continue
      this.#inboxes.delete(deviceNid)
      return
    }
  }

  pushAccountData(change: AccountDataChange): void {
    this.#accountData.push(change)
    if (this.#accountData.length > maxRecentAccountData) this.#accountDataFrom = this.#accountData.shift()!.pos
  }

  /** Changes of account data after one position up to another; undefined when some are no longer here. */
  recentAccountData(after: number, upTo: number): readonly AccountDataChange[] | undefined {
    if (after < this.#accountDataFrom) return undefined
    return this.#accountData.filter(({ pos }) => pos > after && pos <= upTo)
  }
}
