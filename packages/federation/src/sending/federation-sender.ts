import type { StreamFeed, ThisProcess } from '@hearth/core'
import type { FederationClient } from '@hearth/federation-client'
import type { ServerName } from '@hearth/protocol'
import type { Bus } from '@hearth/queues'
import type { Clock, Logger, Metrics, Timer } from '@hearth/runtime'
import type { BehindRow, Store } from '@hearth/store'
import { CatchUp } from './catch-up.ts'
import { Delivery, maxPdus } from './delivery.ts'
import { Destination, type QueuedEvent } from './destination.ts'
import { EventDistributor } from './event-distributor.ts'
import type { PendingEdus } from './pending-edus.ts'
import { RoomAudiences } from './room-audiences.ts'
import type { ServerHealth } from './server-health.ts'
import { Turns } from './turns.ts'

export interface FederationSenderDeps {
  readonly store: Store
  readonly feed: StreamFeed
  readonly client: Pick<FederationClient, 'sendTransaction'>
  readonly health: ServerHealth
  readonly serverName: ServerName
  /** Whether anything may be sent to a server at all. */
  readonly mayTalkTo: (server: ServerName) => boolean
  /** Who holds the lease of the process that sends. */
  readonly process: Pick<ThisProcess, 'announceFreed' | 'id' | 'onFreed' | 'onLost'>
  /** Over which other processes say that something waits for other servers. */
  readonly bus: Bus
  /** Whether this process sends when no other does; else it only says to the others what there is to send. */
  readonly maySend: boolean
  readonly clock: Clock
  readonly logger: Logger
  readonly metrics: Metrics
}

/** The name of the cursor, and of the lease of the process that moves it. */
const cursorName = 'federation-sender'
const leaseMs = 10_000
const renewMs = 3_000
/**
 * As many proven servers as answer while one transaction is under way, but no more: each may need a TLS handshake, and those
 * that come together hold up everything else. Of the unproven most are gone and cost a timer.
 */
const turns = { slots: { proven: 200, unproven: 500 }, patienceMs: 1_000, max: 2_000 }
/** How often to look for what waits in the outbox, where others may have put it there. */
const outboxPollMs = 15_000
const outboxTopic = 'outbox'
const flushMs = 1_000
/** Where nothing was for other servers, the cursor may stay behind for this long. */
const idleFlushMs = 15_000
/** One that has something for longer than this is written down by itself, so that the cursor can go on. */
const slowMs = 5_000
/** How close together servers may be woken that waited. */
const sweepMs = 50
/** After which time something is tried again that failed here, or for which something has to happen here first. */
const againMs = 500
/** EDUs that wait in the outbox for longer, and servers that have not answered for longer, are given up. */
const giveUpMs = 60 * 24 * 60 * 60_000
const cleanUpMs = 60 * 60_000

/**
 * Sends other servers what they are to get: each of our events once to every server that is in its room, and EDUs. The
 * queue is the event store: `consumer_cursor` says up to where every server has everything, but for those that `fed_dest`
 * says are behind, and from where on. A server gets one transaction at a time; what comes meanwhile goes with the next.
 */
export class FederationSender {
  readonly audiences: RoomAudiences
  readonly #deps: FederationSenderDeps
  readonly #distributor: EventDistributor
  readonly #delivery: Delivery
  readonly #turns: Turns<Destination>
  readonly #destinations = new Map<number, Destination>()
  /** When those are to be looked at again that wait for a time to come, in monotonic milliseconds. */
  readonly #wakeAt = new Map<Destination, number>()
  readonly #stopping = new AbortController()
  #sweep: { readonly due: number; readonly timer: Timer } | undefined
  #flushTimer: { readonly due: number; readonly timer: Timer } | undefined
  #flushing = Promise.resolve()
  #renewTimer: Timer | undefined
  #leading = Promise.resolve()
  #cleanUpTimer: Timer | undefined
  #outboxReadAt = 0
  #isLeading = false
  /** Under which name of this process the lease was taken. */
  #holder = ''
  #storedPosition = 0

  constructor(deps: FederationSenderDeps & { ownServerNid: number }) {
    this.#deps = deps
    const { store, feed, clock } = deps
    this.audiences = new RoomAudiences({ ...deps, position: () => feed.position })
    this.#distributor = new EventDistributor({
      ...deps,
      audiences: this.audiences,
      deliver: (serverNids, event) => this.#deliver(serverNids, event),
    })
    const catchUp = new CatchUp({ store, clock, position: () => this.#distributor.position })
    this.#delivery = new Delivery({ ...deps, catchUp })
    this.#turns = new Turns({ ...turns, clock, run: (destination) => this.#turn(destination) })
    deps.health.onBack((server) => void this.#recheck(server).catch((error: unknown) => this.#warn(error)))
    feed.listen(() => this.#flushLater(idleFlushMs))
    deps.process.onFreed(() => void this.#tryToLead())
    deps.process.onLost(() => void this.#tryToLead())
    deps.bus.onHint(outboxTopic, ({ servers }) => {
      if (!Array.isArray(servers)) return
      this.#readOutbox(servers.filter((nid) => typeof nid === 'number')).catch((error: unknown) => this.#warn(error))
    })
    this.#publish(deps.metrics)
  }

  async start(): Promise<void> {
    if (!this.#deps.maySend) return
    await this.#tryToLead()
    this.#renewLater()
    this.#cleanUpLater()
  }

  /** Breaks off what is under way, which is sent again after the next start. */
  async stop(): Promise<void> {
    this.#stopping.abort(new Error('the server is stopping'))
    for (const timer of [this.#sweep?.timer, this.#flushTimer?.timer, this.#renewTimer, this.#cleanUpTimer])
      timer?.cancel()
    await this.#leading
    await this.#distributor.stop()
    await this.#turns.stop()
    await this.#flushing
    await this.#flush()
    if (!this.#isLeading) return
    await this.#deps.store.leases.release(cursorName, this.#holder)
    this.#deps.process.announceFreed()
  }

  /** Whether this process sends what all processes of the deployment know of. */
  get isLeading(): boolean {
    return this.#isLeading
  }

  /** Something for these servers has been put into the outbox. */
  wakeOutbox(serverNids: readonly number[]): void {
    if (!this.#isLeading) this.#deps.bus.publish(outboxTopic, { servers: [...serverNids] })
    this.#readOutbox(serverNids).catch((error: unknown) => this.#warn(error))
  }

  /**
   * Tells servers something that is worth nothing later, within so many milliseconds. Those that are left alone are not
   * told.
   */
  async tell(serverNids: readonly number[], put: (edus: PendingEdus) => void, withinMs: number): Promise<void> {
    const due = this.#deps.clock.monotonic() + withinMs
    for (const destination of await this.#find(serverNids)) {
      if (!this.#deps.health.mayTry(destination.server)) continue
      put(destination.edus)
      destination.edusDue = Math.min(destination.edusDue, due)
      this.#poke(destination)
    }
  }

  /** Takes the part of the process that sends events, if no other has it; one try at a time. */
  #tryToLead(): Promise<void> {
    if (!this.#deps.maySend || this.#stopping.signal.aborted) return Promise.resolve()
    this.#leading = this.#leading.then(() => this.#lead()).catch((error: unknown) => this.#warn(error))
    return this.#leading
  }

  async #lead(): Promise<void> {
    if (this.#stopping.signal.aborted) return
    const { store, clock, process } = this.#deps
    const now = clock.now()
    const { id } = process
    // Who was taken for dead has to begin anew: another one may have been at it meanwhile.
    if (this.#isLeading && id !== this.#holder) await this.#step(false)
    const isLeading = await store.leases.take(cursorName, id, { now, untilTs: now + leaseMs })
    this.#holder = id
    if (isLeading !== this.#isLeading) await this.#step(isLeading)
    else if (isLeading) await this.#lookIntoOutbox()
  }

  async #step(isLeading: boolean): Promise<void> {
    this.#isLeading = isLeading
    if (isLeading) return this.#load()
    await this.#distributor.stop()
    this.#destinations.clear()
    this.#wakeAt.clear()
  }

  /** What others have put there is told, unless that was lost. */
  async #lookIntoOutbox(): Promise<void> {
    const { store, clock, bus } = this.#deps
    const now = clock.monotonic()
    if (!bus.isShared || now - this.#outboxReadAt < outboxPollMs) return
    this.#outboxReadAt = now
    await this.#readOutbox(await store.fedOutbox.listServers())
  }

  async #readOutbox(serverNids: readonly number[]): Promise<void> {
    if (!this.#isLeading) return
    for (const destination of await this.#find(serverNids)) {
      destination.hasOutbox = true
      this.#poke(destination)
    }
  }

  async #load(): Promise<void> {
    const { store, feed } = this.#deps
    await store.consumerCursors.insert(cursorName, feed.position)
    const position = (await store.consumerCursors.find(cursorName)) ?? feed.position
    const [behind, waiting] = await Promise.all([store.fedDestinations.listBehind(), store.fedOutbox.listServers()])
    this.#storedPosition = position
    this.#distributor.start(position)
    const rows = new Map(behind.map((row) => [row.serverNid, row]))
    for (const destination of await this.#find([...rows.keys()])) {
      const { pos, since } = rows.get(destination.serverNid)!
      destination.restore({ after: pos, since })
      this.#poke(destination)
    }
    await this.#readOutbox(waiting)
  }

  /** The destinations of servers. Left out are those that nothing may be sent to. */
  async #find(serverNids: readonly number[]): Promise<Destination[]> {
    const missing = serverNids.filter((nid) => !this.#destinations.has(nid))
    const names = missing.length > 0 ? await this.#deps.store.servers.keysOf(missing) : new Map<number, ServerName>()
    return serverNids.flatMap((serverNid) => {
      const known = this.#destinations.get(serverNid)
      if (known) return [known]
      const server = names.get(serverNid)
      if (server === undefined || !this.#deps.mayTalkTo(server)) return []
      const destination = new Destination({ server, serverNid, batchLimit: maxPdus })
      this.#destinations.set(serverNid, destination)
      return [destination]
    })
  }

  async #deliver(serverNids: readonly number[], event: QueuedEvent): Promise<void> {
    const destinations = await this.#find(serverNids)
    const { clock, health } = this.#deps
    const now = { wall: clock.now(), monotonic: clock.monotonic() }
    for (const destination of destinations) {
      destination.push(event, now)
      // It would only take memory until its turn comes.
      if (!destination.isRunning && !health.mayTry(destination.server)) destination.fail(now.wall)
      this.#poke(destination)
    }
  }

  /** Gives a destination a turn as soon as it makes sense. */
  #poke(destination: Destination): void {
    if (destination.isRunning || this.#stopping.signal.aborted) return
    this.#flushLater()
    if (!destination.hasWork) return
    const { health, clock } = this.#deps
    const waitMs = health.waitMs(destination.server)
    const now = clock.monotonic()
    if (waitMs > 0) this.#wakeLater(destination, now + waitMs)
    else if (!destination.hasUrgentWork(now)) this.#wakeLater(destination, destination.edusDue)
    else {
      this.#wakeAt.delete(destination)
      this.#turns.add(destination, health.isProven(destination.server) ? 'proven' : 'unproven')
    }
  }

  async #turn(destination: Destination): Promise<void> {
    const { signal } = this.#stopping
    destination.isRunning = true
    let wasBusy = false
    try {
      wasBusy = await this.#delivery.run(destination, signal)
    } catch (error) {
      if (!signal.aborted) this.#warn(error)
    } finally {
      destination.isRunning = false
    }
    if (wasBusy) this.#poke(destination)
    else if (destination.hasWork) this.#wakeLater(destination, this.#deps.clock.monotonic() + againMs)
    this.#flushLater()
  }

  async #recheck(server: ServerName): Promise<void> {
    const serverNid = await this.#deps.store.servers.find(server)
    const destination = serverNid === undefined ? undefined : this.#destinations.get(serverNid)
    if (!destination) return
    this.#wakeAt.delete(destination)
    this.#poke(destination)
  }

  #wakeLater(destination: Destination, at: number): void {
    this.#wakeAt.set(destination, at)
    this.#sweepAt(at)
  }

  #sweepAt(due: number): void {
    if (this.#stopping.signal.aborted || (this.#sweep && this.#sweep.due <= due)) return
    this.#sweep?.timer.cancel()
    const { clock } = this.#deps
    this.#sweep = { due, timer: clock.setTimer(due - clock.monotonic(), () => this.#wakeDue()) }
  }

  #wakeDue(): void {
    this.#sweep = undefined
    const now = this.#deps.clock.monotonic()
    let next = Infinity
    for (const [destination, at] of [...this.#wakeAt]) {
      if (at > now) {
        next = Math.min(next, at)
        continue
      }
      this.#wakeAt.delete(destination)
      this.#poke(destination)
    }
    for (const at of this.#wakeAt.values()) next = Math.min(next, at)
    if (next < Infinity) this.#sweepAt(Math.max(next, now + sweepMs))
  }

  #flushLater(ms = flushMs): void {
    const { clock } = this.#deps
    const due = clock.monotonic() + ms
    if (this.#stopping.signal.aborted || (this.#flushTimer && this.#flushTimer.due <= due)) return
    this.#flushTimer?.timer.cancel()
    const timer = clock.setTimer(ms, () => {
      this.#flushTimer = undefined
      this.#flushing = this.#flush()
    })
    this.#flushTimer = { due, timer }
  }

  /** Writes down how far everything has come, in one transaction for all servers. */
  async #flush(): Promise<void> {
    if (!this.#isLeading) return
    const { rows, position } = this.#progress()
    if (rows.length === 0 && position <= this.#storedPosition) return
    try {
      const isHeld = await this.#deps.store.transaction(async (tx) => {
        if (!(await tx.leases.isHeld(cursorName, this.#holder))) return false
        await tx.fedDestinations.saveBehind(rows)
        if (position > this.#storedPosition) await tx.consumerCursors.move(cursorName, position)
        return true
      })
      if (!isHeld) return
      this.#storedPosition = position
      for (const { serverNid, pos } of rows) {
        const destination = this.#destinations.get(serverNid)
        if (destination) destination.storedBehind = pos
      }
    } catch (error) {
      this.#warn(error)
      this.#flushLater()
    }
  }

  /** What has to be written down, and up to where all other servers have everything. Lets go of those that need nothing. */
  #progress(): { rows: BehindRow[]; position: number } {
    const rows: BehindRow[] = []
    const now = this.#deps.clock.monotonic()
    let position = this.#distributor.position
    for (const destination of this.#destinations.values()) {
      const { serverNid, behind, waiting, storedBehind } = destination
      const isSlow = waiting !== undefined && now - waiting.since > slowMs
      const pos = behind?.after ?? (isSlow ? waiting.pos - 1 : null)
      if (pos !== storedBehind) rows.push({ serverNid, pos, since: pos === null ? null : this.#since(destination) })
      if (pos === null && waiting) {
        position = Math.min(position, waiting.pos - 1)
        this.#flushLater()
      }
      if (pos === null && storedBehind === null && !destination.hasWork && !destination.isRunning && !waiting) {
        this.#destinations.delete(serverNid)
        this.#wakeAt.delete(destination)
      }
    }
    return { rows, position }
  }

  #since({ behind }: Destination): number {
    return behind?.since ?? this.#deps.clock.now()
  }

  #renewLater(): void {
    const { clock } = this.#deps
    if (this.#stopping.signal.aborted) return
    this.#renewTimer = clock.setTimer(renewMs, () => {
      void this.#tryToLead().then(() => this.#renewLater())
    })
  }

  #cleanUpLater(): void {
    if (this.#stopping.signal.aborted) return
    this.#cleanUpTimer = this.#deps.clock.setTimer(cleanUpMs, () => {
      void this.#cleanUp()
        .catch((error: unknown) => this.#warn(error))
        .then(() => this.#cleanUpLater())
    })
  }

  async #cleanUp(): Promise<void> {
    if (!this.#isLeading) return
    const { store, clock } = this.#deps
    await store.fedOutbox.deleteBefore(clock.now() - giveUpMs)
    await store.fedDestinations.deleteIdle(clock.now() - giveUpMs)
  }

  #warn(error: unknown): void {
    this.#deps.logger.warn('sending to other servers was held up; will try again', { error })
  }

  #publish(metrics: Metrics): void {
    const destinations = metrics.gauge({
      name: 'hearth_federation_destinations',
      help: 'Other servers that are being sent something, wait for their turn, are behind, or are left alone after failures',
      labelNames: ['state'],
    })
    const queued = metrics.gauge({
      name: 'hearth_federation_queued_events',
      help: 'Events in the queues of other servers, and those not yet in any',
      labelNames: ['queue'],
    })
    metrics.onRead(() => {
      let behind = 0
      let events = 0
      for (const destination of this.#destinations.values()) {
        if (destination.behind) behind += 1
        events += destination.queued
      }
      destinations.set({ state: 'running' }, this.#turns.running)
      destinations.set({ state: 'waiting' }, this.#turns.waiting)
      destinations.set({ state: 'behind' }, behind)
      destinations.set({ state: 'backing-off' }, this.#deps.health.waiting)
      queued.set({ queue: 'destinations' }, events)
      queued.set({ queue: 'undistributed' }, this.#distributor.waiting)
    })
  }
}
