import type { JsonObject, UserId } from '@hearth/protocol'
import type { Clock } from '@hearth/runtime'
import type { ChosenPresence, PresenceState } from './presence-state.ts'

/** After that long without a sync a device counts as gone. */
export const goneMs = 30_000
/** After that long without being active somebody is idle. */
export const idleMs = 5 * 60_000
/** For that long after being active somebody counts as active now. */
export const activeMs = 60_000

/** For that long the word of another server holds that says nothing more. */
export const heardMs = 30 * 60_000

/** What another server says of its user. */
export interface HeardState {
  readonly state: PresenceState
  readonly statusMsg?: string
  /** For how long they have not been active, in milliseconds. */
  readonly activeAgoMs?: number
}

/** For that long the word of another process holds that says nothing more. */
export const processMs = 90_000

/** Stands for the devices of a user of another server. */
const elsewhere = 0

/** A device that follows its user's account. */
interface Connection {
  /** Whether the client says that nobody is at the device. */
  idle: boolean
  /** Requests that wait for news. */
  waiting: number
  /** Until when the device counts as connected when none waits, in monotonic milliseconds. */
  until: number
}

/** Another process that a user's devices follow their account on. */
interface Elsewhere {
  readonly idle: boolean
  /** In monotonic milliseconds. */
  readonly until: number
}

/** What is known of one user's presence. */
export class PresenceRecord {
  readonly userNid: number
  readonly userId: UserId
  /** The last state that this process knows, though it may not have been told yet. */
  state: ChosenPresence = 'offline'
  /** The last state that was told. */
  told: ChosenPresence = 'offline'
  /** Whether it is noted nowhere how the user is: their rooms were not known. */
  isUnnoted = true
  /** The change that told it; 0 for none. */
  serial = 0
  statusMsg: string | undefined
  /** The name and avatar that events about the user carry. */
  profile: JsonObject | undefined
  /** When others were woken for a change last, in monotonic milliseconds. */
  wokenAt = -Infinity
  /** What the user chose by hand, over what their devices say. */
  choice: ChosenPresence | undefined
  readonly #clock: Clock
  readonly #connections = new Map<number, Connection>()
  readonly #processes = new Map<string, Elsewhere>()
  #activeAt: number | undefined
  #activeTs: number | undefined

  constructor(options: { userNid: number; userId: UserId; clock: Clock }) {
    this.userNid = options.userNid
    this.userId = options.userId
    this.#clock = options.clock
  }

  get isConnected(): boolean {
    return this.#connections.size > 0 || this.#processes.size > 0
  }

  /** What this process says of the user to the others: whether devices follow on it, and somebody is at one of them. */
  get here(): 'active' | 'idle' | undefined {
    const own = [...this.#connections].filter(([deviceNid]) => deviceNid !== elsewhere)
    if (own.length === 0) return undefined
    return own.every(([, { idle }]) => idle) ? 'idle' : 'active'
  }

  /** Whether devices follow on another process. */
  get isElsewhere(): boolean {
    return this.#processes.size > 0
  }

  /** For how long the user has not been active, in milliseconds; undefined when that is not known. */
  get activeAgo(): number | undefined {
    return this.#activeTs === undefined ? undefined : Math.max(0, this.#clock.now() - this.#activeTs)
  }

  get isActive(): boolean {
    return this.#activeAt !== undefined && this.#clock.monotonic() - this.#activeAt < activeMs
  }

  /** Takes note that the user did something, so many milliseconds ago. Whoever does, is not away. */
  active(agoMs = 0): void {
    this.#activeAt = this.#clock.monotonic() - agoMs
    this.#activeTs = this.#clock.now() - agoMs
    if (this.choice === 'unavailable') this.choice = undefined
  }

  /** Takes note of a device's request that begins, or of one that does not wait for anything. */
  connect(deviceNid: number, options: { idle?: boolean | undefined; waits: boolean }): void {
    const connection = this.#connections.get(deviceNid) ?? { idle: false, waiting: 0, until: 0 }
    this.#connections.set(deviceNid, connection)
    if (options.idle !== undefined) connection.idle = options.idle
    if (options.waits) connection.waiting += 1
    connection.until = this.#clock.monotonic() + goneMs
    if (this.choice === 'offline' && options.waits) this.choice = undefined
  }

  /** Takes the word of another process, which holds for a while; undefined: none of the user's devices follow there. */
  hearProcess(process: string, here: 'active' | 'idle' | undefined): void {
    if (here === undefined) this.#processes.delete(process)
    else this.#processes.set(process, { idle: here === 'idle', until: this.#clock.monotonic() + processMs })
  }

  /** Takes note of what the server of the user says. */
  hear({ state, statusMsg, activeAgoMs }: HeardState): void {
    this.choice = state
    this.statusMsg = statusMsg
    if (activeAgoMs !== undefined) {
      this.#activeAt = this.#clock.monotonic() - activeAgoMs
      this.#activeTs = this.#clock.now() - activeAgoMs
    }
    if (state === 'offline') this.#connections.clear()
    else this.#connections.set(elsewhere, { idle: false, waiting: 0, until: this.#clock.monotonic() + heardMs })
  }

  /** Takes note of the end of a request. */
  release(deviceNid: number): void {
    const connection = this.#connections.get(deviceNid)
    if (!connection) return
    connection.waiting -= 1
    connection.until = this.#clock.monotonic() + goneMs
  }

  /** Lets go of devices that are gone. With the last of them goes what was chosen for as long as they are there. */
  settle(): void {
    const now = this.#clock.monotonic()
    for (const [deviceNid, { waiting, until }] of this.#connections) {
      if (waiting === 0 && until <= now) this.#connections.delete(deviceNid)
    }
    for (const [process, { until }] of this.#processes) if (until <= now) this.#processes.delete(process)
    if (!this.isConnected && this.choice !== 'hidden') this.choice = undefined
  }

  /** The state as it is now, by what was settled. */
  current(): ChosenPresence {
    if (this.choice === 'hidden') return 'hidden'
    if (this.choice === 'offline' || !this.isConnected) return 'offline'
    if (this.choice !== undefined) return this.choice
    const isIdle = [...this.#connections.values(), ...this.#processes.values()].every(({ idle }) => idle)
    return isIdle || this.#idleIn() <= 0 ? 'unavailable' : 'online'
  }

  /** When the state may change by itself, in monotonic milliseconds; Infinity for never. */
  nextDue(): number {
    let due = Infinity
    for (const { waiting, until } of this.#connections.values()) if (waiting === 0) due = Math.min(due, until)
    for (const { until } of this.#processes.values()) due = Math.min(due, until)
    return this.state === 'online' && this.choice === undefined
      ? Math.min(due, this.#clock.monotonic() + this.#idleIn())
      : due
  }

  #idleIn(): number {
    return this.#activeAt === undefined ? 0 : this.#activeAt + idleMs - this.#clock.monotonic()
  }
}
