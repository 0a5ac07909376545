import type { ServerName } from '@hearth/protocol'
import { PendingEdus } from './pending-edus.ts'

/** An event that waits for a server. */
export interface QueuedEvent {
  readonly pos: number
  /** Canonical JSON. */
  readonly json: string
}

/** That a server has not got everything, and what is left is read from the store. */
export interface Behind {
  /** It has everything up to this position of the stream. */
  after: number
  /** Since when, in milliseconds since the epoch. */
  readonly since: number
  /** Of these rooms it gets nothing before a position: it has missed too much. Found when it is there again. */
  onlyLast?: ReadonlyMap<number, number> | undefined
  /** What it was last sent were all that there was up to this position. */
  completeUpTo?: number | undefined
}

/** Events that wait in memory for one server; what has more is read from the store when its turn comes. */
const maxQueued = 100

/** What one server is still to get. */
export class Destination {
  readonly server: ServerName
  readonly serverNid: number
  readonly edus = new PendingEdus()
  /** Whether something may wait for it in the outbox. */
  hasOutbox = false
  /** When its EDUs are to be sent at the latest, in monotonic milliseconds. */
  edusDue = Infinity
  isRunning = false
  /** The most events that it takes at once: fewer after it refused some. */
  batchLimit: number
  /** How often in a row it has refused what it was sent. */
  refusals = 0
  /** What is written down of `behind`: its position. */
  storedBehind: number | null = null
  #behind: Behind | undefined
  #queue: QueuedEvent[] = []
  #inFlight: readonly QueuedEvent[] = []
  /** Since when something has waited, in monotonic milliseconds. */
  #waitingSince = 0
  /** The last event for it. */
  #latestPos = 0

  constructor(options: { server: ServerName; serverNid: number; batchLimit: number }) {
    this.server = options.server
    this.serverNid = options.serverNid
    this.batchLimit = options.batchLimit
  }

  get behind(): Behind | undefined {
    return this.#behind
  }

  get queued(): number {
    return this.#queue.length + this.#inFlight.length
  }

  get hasWork(): boolean {
    return this.#behind !== undefined || this.#queue.length > 0 || this.hasOutbox || this.edus.size > 0
  }

  /** Whether it has work that does not wait for more of its kind. */
  hasUrgentWork(now: number): boolean {
    return this.#behind !== undefined || this.#queue.length > 0 || this.hasOutbox || this.edusDue <= now
  }

  /** The first event in memory that it has not taken, and since when some event is waiting. */
  get waiting(): { readonly pos: number; readonly since: number } | undefined {
    const pos = this.#inFlight[0]?.pos ?? this.#queue[0]?.pos
    return pos === undefined ? undefined : { pos, since: this.#waitingSince }
  }

  /** Restores what was written down. */
  restore(behind: Behind): void {
    this.#behind = behind
    this.storedBehind = behind.after
  }

  push(event: QueuedEvent, now: { readonly wall: number; readonly monotonic: number }): void {
    this.#latestPos = event.pos
    if (this.#behind) return
    if (this.queued === 0) this.#waitingSince = now.monotonic
    if (this.#queue.length < maxQueued) this.#queue.push(event)
    else this.#fallBehind(now.wall)
  }

  /** The next events in memory, which are under way from here on. */
  take(limit: number, maxLength: number): readonly QueuedEvent[] {
    let length = 0
    let count = 0
    for (const { json } of this.#queue) {
      if (count >= limit || (count > 0 && length + json.length > maxLength)) break
      length += json.length
      count += 1
    }
    return (this.#inFlight = this.#queue.splice(0, count))
  }

  /** It has taken the events that were under way, and everything up to this position. */
  acknowledge(upTo: number, now: number): void {
    this.#inFlight = []
    this.#waitingSince = now
    if (!this.#behind) return
    this.#behind.after = Math.max(this.#behind.after, upTo)
    if (this.#latestPos <= (this.#behind.completeUpTo ?? -1)) this.#behind = undefined
  }

  /** Nothing is missing up to this position; it is up to date unless there was something for it since. */
  completeUpTo(position: number): boolean {
    if (this.#latestPos <= position) this.#behind = undefined
    else if (this.#behind) this.#behind.after = position
    return this.#behind === undefined
  }

  /** It did not take the events that were under way: they are read from the store when it is there again. */
  fail(wallNow: number): void {
    this.#fallBehind(wallNow)
    this.#inFlight = []
    if (this.#behind) this.#behind.onlyLast = this.#behind.completeUpTo = undefined
    this.edus.clear()
    this.edusDue = Infinity
  }

  #fallBehind(since: number): void {
    const pos = this.#inFlight[0]?.pos ?? this.#queue[0]?.pos
    if (this.#behind === undefined && pos !== undefined) this.#behind = { after: pos - 1, since }
    this.#queue = []
  }
}
