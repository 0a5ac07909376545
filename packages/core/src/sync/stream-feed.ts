import type { Clock, Counter, Logger, Metrics, Timer } from '@hearth/runtime'
import { DatabaseUnavailable } from '@hearth/store'
import type { Change } from './change.ts'

/** Changes at consecutive positions, as one commit made them. */
export interface Segment {
  readonly firstPos: number
  /** Positions that the commit took; `changes` may be fewer, where positions hold nothing that readers look at. */
  readonly count: number
  readonly changes: readonly Change[]
}

/** Positions that somebody says are committed, and what kinds of changes they hold. */
export interface Word {
  /** The one before the first of them. */
  readonly before: number
  /** The last of them. */
  readonly position: number
  readonly kinds: readonly string[]
}

/** A reader of the stream. It must not throw. */
export type StreamListener = (changes: readonly Change[], position: number) => void

export interface StreamFeedDeps {
  /** The stream's head in the database. */
  readonly readHead: () => Promise<number>
  /** The changes after a position up to another, which is committed, or as far as one page goes; says how far it read. */
  readonly readChanges: (after: number, upTo: number) => Promise<{ changes: readonly Change[]; upTo: number }>
  /** The changes after a position up to another, if all of these are committed and of these kinds; else undefined. */
  readonly readTold: (after: number, upTo: number, kinds: readonly string[]) => Promise<readonly Change[] | undefined>
  readonly clock: Clock
  readonly logger: Logger
  readonly metrics?: Metrics
  /** How often to look at the head, in milliseconds, where other processes may write; 0 for never. */
  readonly pollMs: number
}

/** How long a hole may stand before it is read from the database: commits of this process arrive within less. */
const holeMs = 10
const retryMs = 1_000
/** Segments that may wait behind a hole; beyond it they are dropped, since the database has them. */
const maxWaiting = 10_000

/**
 * The stream of durable changes as this process sees it: in the order of positions, without holes, each change once.
 * Commits of this process are handed in as they are acknowledged; what is missing in between (another process's commits,
 * or a commit whose acknowledgement was lost) is read from the database.
 */
export class StreamFeed {
  readonly #deps: StreamFeedDeps
  readonly #listeners: StreamListener[] = []
  readonly #onPublished: ((segment: Segment) => void)[] = []
  readonly #reads: Counter<'cause'> | undefined
  /** Segments behind a hole, by their first position. */
  readonly #waiting = new Map<number, Segment>()
  readonly #reached = new Set<{ readonly position: number; readonly resolve: () => void }>()
  #position = 0
  /** The highest position known to be committed. */
  #known = 0
  #filling = false
  #isInDoubt = false
  #isAsking = false
  #isHearing = false
  /** What was heard while what was heard before it was being looked at, which that may not show yet. */
  #heard: Word | undefined
  #fillTimer: { readonly due: number; readonly timer: Timer } | undefined
  #pollTimer: Timer | undefined
  #stopped = false

  constructor(deps: StreamFeedDeps) {
    this.#deps = deps
    this.#reads = deps.metrics?.counter({
      name: 'hearth_stream_looks_total',
      help: 'Times that the stream was found to have moved on by others, by what showed it',
      labelNames: ['cause'],
    })
  }

  /** Everything up to here has been delivered to the listeners. Never moves backwards. */
  get position(): number {
    return this.#position
  }

  /** Adds a listener, called synchronously with every batch of changes in order, before {@link position} moves. */
  listen(listener: StreamListener): void {
    this.#listeners.push(listener)
  }

  /** Calls back with every commit of this process that is handed in. */
  onPublished(listener: (segment: Segment) => void): void {
    this.#onPublished.push(listener)
  }

  async start(): Promise<void> {
    this.#position = this.#known = await this.#deps.readHead()
    this.#pollLater()
  }

  stop(): void {
    this.#stopped = true
    this.#fillTimer?.timer.cancel()
    this.#pollTimer?.cancel()
    for (const { resolve } of this.#reached) resolve()
  }

  /** Takes a commit's changes. */
  publish(segment: Segment): void {
    const { firstPos, count, changes } = segment
    const end = firstPos + count - 1
    for (const listener of this.#onPublished) listener(segment)
    this.#known = Math.max(this.#known, end)
    if (firstPos === this.#position + 1) {
      this.#deliver(changes, end)
      this.#deliverWaiting()
    } else if (firstPos > this.#position && this.#waiting.size < maxWaiting) {
      this.#waiting.set(firstPos, segment)
    }
    this.#fillLater(holeMs)
  }

  /**
   * Says that positions up to this one are committed, by whomever. It must be true. What is missing is read after
   * `withinMs` milliseconds.
   */
  hint(position: number, withinMs = holeMs): void {
    this.#known = Math.max(this.#known, position)
    this.#fillLater(withinMs)
  }

  /**
   * Takes somebody's word for what is committed, true or not: it has the database looked at. What directly follows what is
   * known here is read at once; before anything else there may be commits of this process, which are about to be handed in.
   */
  async heard(word: Word): Promise<void> {
    if (word.position <= this.#position || this.#stopped) return
    if (this.#isHearing) {
      this.#heard = this.#heard ? both(this.#heard, word) : word
      return
    }
    this.#isHearing = true
    try {
      if (!(await this.#readTold(word))) {
        const head = await this.#deps.readHead()
        if (head > this.#known) this.#reads?.inc({ cause: 'hint' })
        this.hint(head, word.before <= this.#position ? 0 : holeMs)
      }
    } catch {
      // The database is away: the next look comes in time.
    } finally {
      this.#isHearing = false
    }
    const heard = this.#heard
    this.#heard = undefined
    if (heard) await this.heard(heard)
  }

  /**
   * Says that the answer to a commit was lost: it may have taken positions that nobody hands in. The head is looked at as
   * soon as the database can be asked.
   */
  doubt(): void {
    this.#isInDoubt = true
    if (!this.#isAsking) void this.#ask()
  }

  /**
   * Runs a write that takes positions, for the caller to hand in. Whether the database did it may stay unknown: then what it
   * may have taken is looked for.
   */
  async writing<T>(write: () => Promise<T>): Promise<T> {
    try {
      return await write()
    } catch (error) {
      if (error instanceof DatabaseUnavailable && error.outcome === 'unknown') this.doubt()
      throw error
    }
  }

  /** Waits until the feed has come to a position, or the time in milliseconds is over. */
  async reached(position: number, timeoutMs = 1_000): Promise<void> {
    if (this.#position >= position || this.#stopped) return
    await new Promise<void>((resolve) => {
      const waiter = {
        position,
        resolve: () => {
          timer.cancel()
          this.#reached.delete(waiter)
          resolve()
        },
      }
      const timer = this.#deps.clock.setTimer(timeoutMs, waiter.resolve)
      this.#reached.add(waiter)
    })
  }

  /**
   * Comes to a position that a client shows, which may be ahead of this process when another one gave it out.
   *
   * @returns false when the stream does not go that far: nobody gave this position out.
   */
  async catchUp(position: number): Promise<boolean> {
    if (this.#position >= position) return true
    this.hint(await this.#deps.readHead())
    if (position > this.#known) return false
    await this.reached(position)
    return true
  }

  #deliver(changes: readonly Change[], position: number): void {
    for (const listener of this.#listeners) {
      try {
        listener(changes, position)
      } catch (error) {
        // One reader's fault must neither stop the stream nor be asked for the same changes again.
        this.#deps.logger.error('a reader of the stream failed', { error, position })
      }
    }
    this.#position = position
    for (const waiter of this.#reached) if (waiter.position <= position) waiter.resolve()
  }

  #deliverWaiting(): void {
    for (;;) {
      const next = this.#waiting.get(this.#position + 1)
      if (!next) break
      this.#waiting.delete(next.firstPos)
      this.#deliver(next.changes, next.firstPos + next.count - 1)
    }
    // Of a segment that was read in part from the database, the rest is read from there too.
    for (const firstPos of this.#waiting.keys()) if (firstPos <= this.#position) this.#waiting.delete(firstPos)
  }

  /** Reads what directly follows, and delivers it when all of it is as it was said. */
  async #readTold({ before, position, kinds }: Word): Promise<boolean> {
    if (before > this.#position || position === Infinity || this.#filling) return false
    this.#filling = true
    try {
      const changes = await this.#deps.readTold(this.#position, position, kinds)
      if (!changes || this.#stopped) return false
      this.#known = Math.max(this.#known, position)
      this.#reads?.inc({ cause: 'word' })
      this.#take(changes, position)
    } finally {
      this.#filling = false
    }
    this.#fillLater(holeMs)
    return true
  }

  /** Delivers what was read, but for what has been handed in meanwhile. */
  #take(changes: readonly Change[], upTo: number): void {
    if (upTo <= this.#position || this.#stopped) return
    this.#deliver(
      changes.filter(({ pos }) => pos > this.#position),
      upTo,
    )
    this.#deliverWaiting()
  }

  #fillLater(delayMs: number): void {
    if (this.#position >= this.#known || this.#filling || this.#stopped) return
    const { clock } = this.#deps
    const due = clock.monotonic() + delayMs
    if (this.#fillTimer && this.#fillTimer.due <= due) return
    this.#fillTimer?.timer.cancel()
    if (delayMs === 0) {
      void this.#fill()
      return
    }
    const timer = clock.setTimer(delayMs, () => void this.#fill())
    this.#fillTimer = { due, timer }
  }

  async #fill(): Promise<void> {
    this.#fillTimer = undefined
    if (this.#position >= this.#known || this.#stopped) return
    this.#filling = true
    let delayMs = 0
    try {
      const firstWaiting = Math.min(...this.#waiting.keys(), this.#known + 1)
      const { changes, upTo } = await this.#deps.readChanges(this.#position, firstWaiting - 1)
      this.#take(changes, upTo)
    } catch (error) {
      this.#deps.logger.warn('could not read the stream; will try again', { error })
      delayMs = retryMs
    } finally {
      this.#filling = false
    }
    this.#fillLater(delayMs)
  }

  async #ask(): Promise<void> {
    this.#isAsking = true
    while (this.#isInDoubt && !this.#stopped) {
      this.#isInDoubt = false
      try {
        this.hint(await this.#deps.readHead())
      } catch {
        this.#isInDoubt = true
        await this.#deps.clock.sleep(retryMs)
      }
    }
    this.#isAsking = false
  }

  #pollLater(): void {
    const { clock, pollMs } = this.#deps
    if (pollMs === 0 || this.#stopped) return
    this.#pollTimer = clock.setTimer(pollMs, () => void this.#poll())
  }

  async #poll(): Promise<void> {
    try {
      const head = await this.#deps.readHead()
      if (head > this.#known) this.#reads?.inc({ cause: 'poll' })
      this.hint(head)
    } catch {
      // The database is away: the next look comes in time.
    }
    this.#pollLater()
  }
}

function both(one: Word, other: Word): Word {
  return {
    before: Math.min(one.before, other.before),
    position: Math.max(one.position, other.position),
    kinds: [...new Set([...one.kinds, ...other.kinds])],
  }
}
