import type { UserId } from '@hearth/protocol'
import type { Clock, Timer } from '@hearth/runtime'
import type { Serials } from './serials.ts'

/** Who is typing in a room now. */
export interface TypingChange {
  readonly roomNid: number
  readonly userIds: readonly UserId[]
  readonly serial: number
  /** Who began or stopped. */
  readonly userId: UserId
  readonly isTyping: boolean
}

interface TypingRoom {
  /** Until when each types, in monotonic milliseconds. */
  readonly users: Map<UserId, number>
  /** When those who type changed last. */
  serial: number
}

/** People who are remembered as typing in one room; nobody reads a longer list. */
const maxUsersPerRoom = 100
const maxRooms = 20_000
/** Ends that are closer together than this are told together. */
const sweepMs = 100

/**
 * Who is typing where. It is in memory and nowhere else: a restart ends all typing, which the next answer tells those who
 * had heard of some. One timer serves everybody. Changes are plain values, which a bus could carry to other processes.
 */
export class Typing {
  readonly #clock: Clock
  readonly #serials: Serials
  /** Those that changed last come last. */
  readonly #rooms = new Map<number, TypingRoom>()
  readonly #listeners: ((change: TypingChange) => void)[] = []
  #lastSerial: number
  #completeFrom: number
  #active = 0
  #timer: { readonly due: number; readonly timer: Timer } | undefined

  constructor(deps: { clock: Clock; serials: Serials }) {
    this.#clock = deps.clock
    this.#serials = deps.serials
    this.#completeFrom = this.#lastSerial = deps.serials.start
  }

  /** Every change after this serial is known. */
  get completeFrom(): number {
    return this.#completeFrom
  }

  /** The last change anywhere. */
  get lastSerial(): number {
    return this.#lastSerial
  }

  /** Calls back at each change of who is typing in a room. */
  listen(listener: (change: TypingChange) => void): void {
    this.#listeners.push(listener)
  }

  /** Says that a user types for that many milliseconds from now. */
  start(roomNid: number, userId: UserId, timeoutMs: number): void {
    let room = this.#rooms.get(roomNid)
    if (!room) this.#rooms.set(roomNid, (room = { users: new Map<UserId, number>(), serial: 0 }))
    const isNew = !room.users.has(userId)
    if (isNew && room.users.size >= maxUsersPerRoom) return
    const until = this.#clock.monotonic() + timeoutMs
    room.users.set(userId, until)
    this.#sweepAt(until)
    if (!isNew) return
    if (room.users.size === 1) this.#active += 1
    this.#changed(roomNid, room, userId)
  }

  stop(roomNid: number, userId: UserId): void {
    const room = this.#rooms.get(roomNid)
    if (!room?.users.delete(userId)) return
    if (room.users.size === 0) this.#active -= 1
    this.#changed(roomNid, room, userId)
  }

  inRoom(roomNid: number): readonly UserId[] {
    return [...(this.#rooms.get(roomNid)?.users.keys() ?? [])]
  }

  isActiveIn(roomNid: number): boolean {
    return (this.#rooms.get(roomNid)?.users.size ?? 0) > 0
  }

  /** Whether somebody is typing in one of these rooms. */
  isActiveInAny(roomNids: ReadonlyMap<number, unknown>): boolean {
    if (this.#active === 0) return false
    return this.#roomsAmong(roomNids).some((roomNid) => this.isActiveIn(roomNid))
  }

  /** Those of these rooms in which something changed after a serial. */
  changedAfter(serial: number, roomNids: ReadonlyMap<number, unknown>): number[] {
    if (serial >= this.#lastSerial) return []
    return this.#roomsAmong(roomNids).filter((roomNid) => (this.#rooms.get(roomNid)?.serial ?? 0) > serial)
  }

  dispose(): void {
    this.#timer?.timer.cancel()
  }

  /** The known rooms among these, at the cost of the shorter list. */
  #roomsAmong(roomNids: ReadonlyMap<number, unknown>): number[] {
    const [shorter, longer] = roomNids.size < this.#rooms.size ? [roomNids, this.#rooms] : [this.#rooms, roomNids]
    return [...shorter.keys()].filter((roomNid) => longer.has(roomNid))
  }

  #changed(roomNid: number, room: TypingRoom, userId: UserId): void {
    room.serial = this.#lastSerial = this.#serials.next()
    this.#rooms.delete(roomNid)
    this.#rooms.set(roomNid, room)
    if (this.#rooms.size > maxRooms) this.#forgetOldest()
    const { users, serial } = room
    const change = { roomNid, userIds: [...users.keys()], serial, userId, isTyping: users.has(userId) }
    for (const listener of this.#listeners) listener(change)
  }

  #forgetOldest(): void {
    const [roomNid, room] = this.#rooms.entries().next().value!
    this.#rooms.delete(roomNid)
    if (room.users.size > 0) this.#active -= 1
    this.#completeFrom = Math.max(this.#completeFrom, room.serial)
  }

  #sweepAt(due: number): void {
    if (this.#timer && this.#timer.due <= due) return
    this.#timer?.timer.cancel()
    const timer = this.#clock.setTimer(due - this.#clock.monotonic(), () => this.#sweep())
    this.#timer = { due, timer }
  }

  /** Ends what is over, and comes again for the next. */
  #sweep(): void {
    this.#timer = undefined
    const now = this.#clock.monotonic()
    let next = Infinity
    for (const [roomNid, { users }] of [...this.#rooms]) {
      for (const [userId, until] of [...users]) {
        if (until <= now) this.stop(roomNid, userId)
        else next = Math.min(next, until)
      }
    }
    if (next < Infinity) this.#sweepAt(Math.max(next, now + sweepMs))
  }
}
