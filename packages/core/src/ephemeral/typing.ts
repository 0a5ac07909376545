import { randomBytes } from 'node:crypto'
import { isUserId, type JsonObject, type UserId } from '@hearth/protocol'
import type { Bus } from '@hearth/queues'
import type { Clock, Timer } from '@hearth/runtime'

/** Who is typing in a room now. */
export interface TypingChange {
  readonly roomNid: number
  readonly userIds: readonly UserId[]
  readonly serial: number
  /** Who began or stopped. */
  readonly userId: UserId
  readonly isTyping: boolean
}

/** Somebody who types. */
interface Typist {
  /** Until when, in monotonic milliseconds. */
  readonly until: number
  /** Whether they said so to this process, which says for all when it is over. */
  readonly isOwn: boolean
}

interface TypingRoom {
  readonly users: Map<UserId, Typist>
  /** When those who type changed last. */
  serial: number
}

/** People who are remembered as typing in one room; nobody reads a longer list. */
const maxUsersPerRoom = 100
const maxRooms = 20_000
/** Ends that are closer together than this are told together. */
const sweepMs = 100
/** What another process should have ended by then is ended by every one: that one has died. */
const graceMs = 2_000
const maxTimeoutMs = 120_000
const topic = 'typing'
const wantedTopic = 'typing-wanted'

/**
 * Who is typing where. It is in memory and nowhere else: a restart ends all typing, which the next answer tells those who
 * had heard of some. One timer serves everybody. Every change goes over the bus first, this process's own as well: what
 * gives it its serial is the order in which all processes hear of it.
 */
export class Typing {
  readonly #clock: Clock
  readonly #bus: Bus
  readonly #self = randomBytes(6).toString('base64url')
  /** Those that changed last come last. */
  readonly #rooms = new Map<number, TypingRoom>()
  readonly #listeners: ((change: TypingChange) => void)[] = []
  #lastSerial = 0
  #completeFrom = 0
  #active = 0
  #timer: { readonly due: number; readonly timer: Timer } | undefined

  constructor(deps: { clock: Clock; bus: Bus }) {
    this.#clock = deps.clock
    this.#bus = deps.bus
    deps.bus.onOrdered(topic, (message, serial) => this.#take(message, serial))
    // What was missed is said again by those who know.
    deps.bus.onGap(() => {
      deps.bus.publish(wantedTopic, {})
      this.#sayAgain()
    })
    deps.bus.onHint(wantedTopic, () => this.#sayAgain())
  }

  /** Every change after this serial is known. */
  get completeFrom(): number {
    return Math.max(this.#completeFrom, this.#bus.start)
  }

  /** Calls back at each change of who is typing in a room. */
  listen(listener: (change: TypingChange) => void): void {
    this.#listeners.push(listener)
  }

  /** Says that a user types for that many milliseconds from now. */
  start(roomNid: number, userId: UserId, timeoutMs: number): void {
    this.#say(roomNid, userId, timeoutMs)
  }

  stop(roomNid: number, userId: UserId): void {
    this.#say(roomNid, userId, 0)
  }

  /** Ends a user's typing if any is known here. */
  stopKnown(roomNid: number, userId: UserId): void {
    if (this.#rooms.get(roomNid)?.users.has(userId)) this.stop(roomNid, userId)
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

  #say(roomNid: number, userId: UserId, forMs: number, isAgain = false): void {
    this.#bus.order(topic, { room: roomNid, user: userId, ms: forMs, by: this.#self, again: isAgain })
  }

  /** Says of all who type by the word of this process that they do. */
  #sayAgain(): void {
    const now = this.#clock.monotonic()
    for (const [roomNid, { users }] of this.#rooms) {
      for (const [userId, { until, isOwn }] of users) {
        if (isOwn && until > now) this.#say(roomNid, userId, until - now, true)
      }
    }
  }

  #take({ room: roomNid, user: userId, ms, by, again }: JsonObject, serial: number): void {
    if (typeof roomNid !== 'number' || typeof userId !== 'string' || !isUserId(userId) || typeof ms !== 'number') return
    if (ms <= 0) this.#end(roomNid, userId, serial)
    else
      this.#begin(
        roomNid,
        userId,
        { forMs: Math.min(ms, maxTimeoutMs), isOwn: by === this.#self },
        serial,
        again === true,
      )
  }

  #begin(
    roomNid: number,
    userId: UserId,
    { forMs, isOwn }: { readonly forMs: number; readonly isOwn: boolean },
    serial: number,
    isAgain: boolean,
  ): void {
    const room = this.#rooms.get(roomNid) ?? { users: new Map<UserId, Typist>(), serial: 0 }
    this.#rooms.set(roomNid, room)
    const isNew = !room.users.has(userId)
    if (isNew && room.users.size >= maxUsersPerRoom) return
    const until = this.#clock.monotonic() + forMs
    room.users.set(userId, { until, isOwn })
    this.#sweepAt(isOwn ? until : until + graceMs)
    if (isNew && room.users.size === 1) this.#active += 1
    // Who hears it again may stand behind the first time and not have heard it all the same.
    if (isNew || isAgain) this.#changed(roomNid, room, userId, serial)
  }

  #end(roomNid: number, userId: UserId, serial: number): void {
    const room = this.#rooms.get(roomNid)
    if (!room?.users.delete(userId)) return
    if (room.users.size === 0) this.#active -= 1
    this.#changed(roomNid, room, userId, serial)
  }

  #changed(roomNid: number, room: TypingRoom, userId: UserId, serial: number): void {
    room.serial = this.#lastSerial = serial
    this.#rooms.delete(roomNid)
    this.#rooms.set(roomNid, room)
    if (this.#rooms.size > maxRooms) this.#forgetOldest()
    const { users } = room
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
      for (const [userId, { until, isOwn }] of [...users]) {
        const due = isOwn ? until : until + graceMs
        if (due <= now) this.stop(roomNid, userId)
        // One that was said to be over and is still there is looked at again, should the bus have lost it.
        if (users.has(userId)) next = Math.min(next, due > now ? due : now + graceMs)
      }
    }
    if (next < Infinity) this.#sweepAt(Math.max(next, now + sweepMs))
  }
}
