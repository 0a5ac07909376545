import { randomBytes } from 'node:crypto'
import type { JsonObject, UserId } from '@hearth/protocol'
import type { Bus } from '@hearth/queues'
import type { Clock, Timer } from '@hearth/runtime'
import { PresenceAttendance } from './presence-attendance.ts'
import { parseTelling, tellingOf, type SeenIn, type Telling } from './presence-telling.ts'
import { PresenceRecord, type HeardState } from './presence-record.ts'
import { isHigher, type ChosenPresence } from './presence-state.ts'

/** What changed of a user's presence. */
export interface PresenceChange {
  readonly userNid: number
  readonly userId: UserId
  readonly serial: number
  /** Whether it is worth waking somebody: not when it was only that somebody is still active, or changes all the time. */
  readonly isUrgent: boolean
  /** Whether this was told before, without waking anybody: now is the time to. */
  readonly isRepeated: boolean
  /** The rooms in which others see the user, and who sees them besides, where another process told of it. */
  readonly seenIn?: SeenIn | undefined
}

const maxRecords = 100_000
/** Changes of one user that follow closer wake nobody before that time is over: then the last of them does. */
const wakeMs = 1_000
/** Times that are over and closer together than this are looked at together. */
const wakeSweepMs = 100
/** Ends that are closer together than this are looked at together. */
const sweepMs = 1_000
const topic = 'presence'

/**
 * Who is there. It is in memory and nowhere else: everything but the status message comes back by itself as clients go on,
 * and rows that are written by thousands who come and go would cost more than they are worth. One timer serves all who may have
 * gone, one all whose changes still have to wake somebody.
 *
 * Every process finds a user's state from what their devices do on it and what the others say of theirs
 * ({@link PresenceAttendance}). Whoever finds another state first tells it, over the bus, to this process as well: what gives a
 * change its serial is the order in which all processes hear of it.
 */
export class PresenceBoard {
  readonly #clock: Clock
  readonly #bus: Bus
  readonly #self = randomBytes(6).toString('base64url')
  readonly #attendance: PresenceAttendance
  readonly #placers: ((userNid: number) => SeenIn | undefined)[] = []
  /** Those that were touched last come last. */
  readonly #records = new Map<number, PresenceRecord>()
  readonly #connected = new Set<PresenceRecord>()
  readonly #listeners: ((change: PresenceChange) => void)[] = []
  /** Those who changed again too soon to wake anybody. */
  readonly #heldBack = new Set<PresenceRecord>()
  #timer: { readonly due: number; readonly timer: Timer } | undefined
  #wakeTimer: Timer | undefined

  constructor(deps: { clock: Clock; bus: Bus }) {
    this.#clock = deps.clock
    this.#bus = deps.bus
    this.#attendance = new PresenceAttendance({
      ...deps,
      self: this.#self,
      attending: () => [...this.#connected].filter(({ here }) => here !== undefined),
      seenIn: (userNid) => this.#seenIn(userNid),
      hear: (telling, serial) => this.#hearProcess(telling, serial),
    })
    deps.bus.onOrdered(topic, (message, serial) => {
      const telling = parseTelling(message)
      if (telling) this.#take(telling, serial)
    })
  }

  stop(): void {
    this.#attendance.stop()
    this.#timer?.timer.cancel()
    this.#wakeTimer?.cancel()
  }

  /** Says who knows where users are seen. */
  placeBy(placer: (userNid: number) => SeenIn | undefined): void {
    this.#placers.push(placer)
  }

  /** Calls back at each change. */
  listen(listener: (change: PresenceChange) => void): void {
    this.#listeners.push(listener)
  }

  /** The time that everything here is told by, in milliseconds since the epoch. */
  now(): number {
    return this.#clock.now()
  }

  find(userNid: number): PresenceRecord | undefined {
    return this.#records.get(userNid)
  }

  /** The record of a user, a new one if need be. */
  of(userNid: number, userId: UserId): PresenceRecord {
    const record = this.#records.get(userNid) ?? new PresenceRecord({ userNid, userId, clock: this.#clock })
    this.#records.delete(userNid)
    this.#records.set(userNid, record)
    if (this.#records.size > maxRecords) this.#forgetOldest()
    return record
  }

  /** A device begins to follow its user's account; the function that is returned says that it has its answer. */
  connect(record: PresenceRecord, deviceNid: number, idle: boolean): () => void {
    const before = record.state
    record.connect(deviceNid, { idle, waits: true })
    // To come is to do something.
    if (!idle && before === 'offline') record.active()
    this.#update(record)
    return () => {
      record.release(deviceNid)
      this.#sweepAt(record.nextDue())
    }
  }

  /** Sets what a user chose. */
  choose(record: PresenceRecord, deviceNid: number, state: ChosenPresence, statusMsg: string | undefined): void {
    const isNewMessage = record.statusMsg !== statusMsg
    record.statusMsg = statusMsg
    if (state === 'online' || isHigher(state, record.state)) record.active()
    if (state !== 'offline' && state !== 'hidden') {
      record.connect(deviceNid, { idle: state === 'online' ? false : undefined, waits: false })
    }
    record.choice = state === 'online' ? undefined : state
    this.#update(record, isNewMessage)
  }

  /** Takes the word of another server for one of its users. */
  hear(record: PresenceRecord, heard: HeardState): void {
    const isNewMessage = record.statusMsg !== heard.statusMsg
    record.hear(heard)
    // When they were active last is no reason to wake anybody.
    if (!this.#update(record, isNewMessage, heard)) this.#tell(record, { isNews: false, heard })
  }

  /** Forgets a user. */
  forget(userNid: number): void {
    const record = this.#records.get(userNid)
    if (!record) return
    this.#records.delete(userNid)
    this.#connected.delete(record)
    this.#heldBack.delete(record)
  }

  /** A user did something that only somebody does who is there. */
  active(record: PresenceRecord): void {
    const wasActive = record.isActive
    record.active()
    if (!this.#update(record) && !wasActive && record.state === 'online') this.#tell(record, { isNews: false })
  }

  /** A user shows another name or avatar. */
  setProfile(record: PresenceRecord, profile: JsonObject): void {
    record.profile = profile
    // Every process reads of it; one of those is enough that the user's devices follow on, if there are any.
    if (record.here !== undefined || !record.isElsewhere) this.#tell(record, { isNews: true, isForced: true })
  }

  /** Tells a record anew, as to those who have just come to see the user. */
  repeat(record: PresenceRecord): void {
    this.#tell(record, { isNews: false })
  }

  /** Tells what has changed; false when nothing has. */
  #update(record: PresenceRecord, isForced = false, heard?: HeardState): boolean {
    record.settle()
    // Where the user's devices follow more is known of them.
    const state = record.here === undefined && record.isElsewhere ? record.state : record.current()
    if (record.isConnected) this.#connected.add(record)
    else this.#connected.delete(record)
    this.#attendance.note(record)
    const hasChanged = state !== record.state
    record.state = state
    this.#sweepAt(record.nextDue())
    if (hasChanged || isForced) this.#tell(record, { isNews: true, isForced, heard })
    return hasChanged || isForced
  }

  /** Says to all processes how a user is. */
  #tell(
    record: PresenceRecord,
    how: { readonly isNews: boolean; readonly isForced?: boolean; readonly heard?: HeardState | undefined },
  ): void {
    this.#bus.order(topic, tellingOf(record, { by: this.#self, seenIn: this.#seenIn(record.userNid), ...how }))
  }

  #seenIn(userNid: number): SeenIn | undefined {
    for (const placer of this.#placers) {
      const seenIn = placer(userNid)
      if (seenIn) return seenIn
    }
    return undefined
  }

  /** Takes what a process says of a user, be it this one. */
  #take(telling: Telling, serial: number): void {
    const { userNid, userId, by, state, isNews, isForced, seenIn } = telling
    const isOwn = by === this.#self
    const record = isOwn ? this.#records.get(userNid) : this.of(userNid, userId)
    if (!record) return
    if (!isOwn) this.#follow(record, telling)
    // Several processes may have found the same.
    if (isNews && !isForced && record.told === state) return
    record.told = state
    record.serial = serial
    record.isUnnoted = seenIn === undefined
    const isUrgent = isNews && this.#clock.monotonic() >= record.wokenAt + wakeMs
    if (isNews && !isUrgent) {
      this.#heldBack.add(record)
      this.#wakeAt(record.wokenAt + wakeMs)
    }
    this.#emit(record, { isUrgent, isRepeated: false, ...(!isOwn && { seenIn }) })
  }

  /** Has a user's record say what another process says. */
  #follow(record: PresenceRecord, { by, state, choice, statusMsg, activeAgoMs, here, heard }: Telling): void {
    record.hearProcess(by, here)
    if (activeAgoMs !== undefined && activeAgoMs < (record.activeAgo ?? Infinity)) record.active(activeAgoMs)
    if (heard) record.hear(heard)
    record.statusMsg = statusMsg
    record.choice = choice
    record.state = state
    if (record.isConnected) this.#connected.add(record)
    else this.#connected.delete(record)
    this.#sweepAt(record.nextDue())
  }

  /** Takes the word of another process that devices of a user follow on it, or not any more. */
  #hearProcess(telling: Telling, serial: number): void {
    const { userNid, userId, by, here, state, seenIn } = telling
    const known = this.#records.get(userNid)
    if (!known && here === undefined) return
    const record = known ?? this.of(userNid, userId)
    if (serial <= record.serial) {
      record.hearProcess(by, here)
      this.#update(record)
      return
    }
    // This process has come later, or missed something.
    this.#follow(record, telling)
    record.told = state
    record.serial = serial
    record.isUnnoted = seenIn === undefined
    this.#emit(record, { isUrgent: false, isRepeated: true, seenIn })
  }

  #emit(record: PresenceRecord, how: Pick<PresenceChange, 'isUrgent' | 'isRepeated' | 'seenIn'>): void {
    if (how.isUrgent) {
      record.wokenAt = this.#clock.monotonic()
      this.#heldBack.delete(record)
    }
    const { userNid, userId, serial } = record
    for (const listener of this.#listeners) listener({ userNid, userId, serial, ...how })
  }

  #wakeAt(due: number): void {
    if (this.#wakeTimer) return
    this.#wakeTimer = this.#clock.setTimer(due - this.#clock.monotonic(), () => this.#wakeHeldBack())
  }

  /** Lets those changes wake somebody that have been held back for long enough. */
  #wakeHeldBack(): void {
    this.#wakeTimer = undefined
    const now = this.#clock.monotonic()
    let next = Infinity
    for (const record of [...this.#heldBack]) {
      const due = record.wokenAt + wakeMs
      if (due <= now) this.#emit(record, { isUrgent: true, isRepeated: true })
      else next = Math.min(next, due)
    }
    if (next < Infinity) this.#wakeAt(Math.max(next, now + wakeSweepMs))
  }

  #forgetOldest(): void {
    for (const [userNid, record] of this.#records) {
      if (record.isConnected) continue
      this.#records.delete(userNid)
      return
    }
  }

  #sweepAt(due: number): void {
    if (due === Infinity || (this.#timer && this.#timer.due <= due)) return
    this.#timer?.timer.cancel()
    const timer = this.#clock.setTimer(due - this.#clock.monotonic(), () => this.#sweep())
    this.#timer = { due, timer }
  }

  #sweep(): void {
    this.#timer = undefined
    const now = this.#clock.monotonic()
    let next = Infinity
    for (const record of [...this.#connected]) {
      if (record.nextDue() <= now) this.#update(record)
      next = Math.min(next, record.nextDue())
    }
    this.#sweepAt(Math.max(next, now + sweepMs))
  }
}
