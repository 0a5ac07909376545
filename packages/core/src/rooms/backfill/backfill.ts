import type { EventId, ServerName } from '@hearth/protocol'
import { LruCache, Semaphore, Unavailable, type Clock, type Logger, type Metrics } from '@hearth/runtime'
import { BackfillOvertaken, gapOfPosition, type BackwardExtremity, type Store, type TimelineGap } from '@hearth/store'
import { isRemoteFailure } from '../../remote-lookups/remote-refusal.ts'
import type { Room } from '../room.ts'
import type { FetchedEvents } from './fetched-events.ts'
import type { PastEvents } from './past-events.ts'

/** What is missing of a room's timeline. */
export interface MissingPast {
  /** The gaps between events that came live, the newest first. */
  readonly gaps: readonly TimelineGap[]
  /** Where each gap goes on, by its number. Those that are filled are not among them. */
  readonly open: ReadonlyMap<number, readonly BackwardExtremity[]>
}

export interface BackfillDeps {
  readonly store: Store
  readonly fetched: FetchedEvents
  readonly past: PastEvents
  readonly serverName: string
  readonly clock: Clock
  readonly logger: Logger
  readonly metrics: Metrics
}

/** Events that are asked for at a time. */
const eventsAtATime = 100
const maxExtremities = 50
/** Previous events that are named in one question. */
const maxAskedFor = 20
const maxServersAsked = 5
/** How long one filling may take, and how many go on at a time. */
const fillMs = 60_000
const atATime = 8
const maxWaiting = 100
/** Whom nobody could give anything is left alone for a while, the longer the more often. */
const firstPauseMs = 5_000
const longestPauseMs = 10 * 60_000

interface Pause {
  readonly failures: number
  /** Monotonic. */
  readonly until: number
}

/**
 * Fetches what happened in rooms before what is stored of them, when somebody wants to read it. One filling of a gap at a
 * time; who waits for one may stop waiting, and it goes on.
 * {@link https://spec.matrix.org/v1.19/server-server-api/#backfilling-and-retrieving-missing-events}
 */
export class Backfill {
  readonly #deps: BackfillDeps
  readonly #filling = new Map<string, Promise<boolean>>()
  readonly #pauses: LruCache<string, Pause>
  readonly #semaphore = new Semaphore({ name: 'backfill', permits: atATime, maxWaiting })
  readonly #stopping = new AbortController()

  constructor(deps: BackfillDeps) {
    this.#deps = deps
    this.#pauses = new LruCache({ name: 'backfill-pauses', maxEntries: 10_000, metrics: deps.metrics })
  }

  /** What is missing of a room. */
  async missingOf(room: Room): Promise<MissingPast> {
    const { backwardExtremities, timelineGaps } = this.#deps.store
    const [listed, extremities] = await Promise.all([
      timelineGaps.list(room.nid),
      backwardExtremities.list(room.nid, maxExtremities),
    ])
    let gaps = listed
    const open = new Map<number, BackwardExtremity[]>()
    for (const extremity of extremities) {
      const number = await this.#gapOf(room, extremity.childPos, gaps)
      if (number > 0 && !gaps.some((gap) => gap.number === number)) gaps = await timelineGaps.list(room.nid)
      open.set(number, [...(open.get(number) ?? []), extremity])
    }
    return { gaps, open }
  }

  /**
   * Fetches the next events of a gap, and waits for that no longer than a while.
   *
   * @returns whether there are more events than before; false as well while servers that gave nothing are left alone.
   */
  async fill(room: Room, gap: number, extremities: readonly BackwardExtremity[], waitMs: number): Promise<boolean> {
    const key = `${room.nid} ${gap}`
    const pause = this.#pauses.get(key)
    let filling = this.#filling.get(key)
    if (!filling) {
      if (pause && pause.until > this.#deps.clock.monotonic()) return false
      filling = this.#fill(room, gap, extremities).finally(() => this.#filling.delete(key))
      this.#filling.set(key, filling)
    }
    const giveUp = new AbortController()
    const late = this.#deps.clock.sleep(waitMs, giveUp.signal).then(
      () => false,
      () => false,
    )
    return Promise.race([filling, late]).finally(() => giveUp.abort())
  }

  /** Ends what is under way. */
  async stop(): Promise<void> {
    this.#stopping.abort(new Unavailable('the server stops'))
    await Promise.allSettled(this.#filling.values())
  }

  async #gapOf(room: Room, childPos: number, gaps: readonly TimelineGap[]): Promise<number> {
    if (childPos < 0) return gapOfPosition(childPos)
    const known = gaps.find(({ beforePos }) => beforePos === childPos)
    return known?.number ?? this.#deps.store.timelineGaps.numberBefore(room.nid, childPos)
  }

  async #fill(room: Room, gap: number, extremities: readonly BackwardExtremity[]): Promise<boolean> {
    const { clock, logger } = this.#deps
    const key = `${room.nid} ${gap}`
    const limit = new AbortController()
    const timer = clock.setTimer(fillMs, () => limit.abort(new Unavailable('the filling of a gap took too long')))
    const signal = AbortSignal.any([limit.signal, this.#stopping.signal])
    try {
      const isFuller = await this.#semaphore.run(() => this.#askAll(room, gap, extremities, signal), signal)
      if (isFuller) this.#pauses.delete(key)
      else this.#pauseFor(key)
      return isFuller
    } catch (error) {
      if (!(error instanceof Unavailable) && !(error instanceof BackfillOvertaken)) {
        logger.error('a gap could not be filled', { error, roomId: room.id })
      }
      this.#pauseFor(key)
      return false
    } finally {
      timer.cancel()
    }
  }

  #pauseFor(key: string): void {
    const failures = (this.#pauses.get(key)?.failures ?? 0) + 1
    const ms = Math.min(firstPauseMs * 2 ** (failures - 1), longestPauseMs)
    this.#pauses.set(key, { failures, until: this.#deps.clock.monotonic() + ms })
  }

  async #askAll(
    room: Room,
    gap: number,
    extremities: readonly BackwardExtremity[],
    signal: AbortSignal,
  ): Promise<boolean> {
    for (const server of await this.#serversOf(room)) {
      try {
        if (await this.#ask(room, gap, extremities, { server, signal })) return true
      } catch (error) {
        if (!isRemoteFailure(error)) throw error
        this.#deps.logger.debug('a server gives no past of a room', { error, roomId: room.id })
      }
    }
    return false
  }

  async #ask(
    room: Room,
    gap: number,
    extremities: readonly BackwardExtremity[],
    options: { readonly server: ServerName; readonly signal: AbortSignal },
  ): Promise<boolean> {
    const { store, fetched, past } = this.#deps
    const missing = [...new Set(extremities.map((each) => each.missing))].slice(0, maxAskedFor)
    const found = await fetched.before(room, missing, eventsAtATime, options)
    if (found.size === 0) return false
    const isStored = (ids: readonly EventId[]) => store.events.findNids(ids)
    const placed = await past.place(room, found, extremities, (eventId) =>
      fetched.stateBefore(room, eventId, isStored, options),
    )
    if (placed.events.length === 0) return false
    await store.backfilledEvents.adopt({ roomNid: room.nid, gap, givenUp: [], ...placed })
    return true
  }

  /** The servers that are in the room: those with most members first, since they have been there for long. */
  async #serversOf(room: Room): Promise<ServerName[]> {
    const servers = await this.#deps.store.roomServers.listJoined(room.nid)
    return servers.filter((server) => server !== this.#deps.serverName).slice(0, maxServersAsked)
  }
}
