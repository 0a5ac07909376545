import type { Change, StreamFeed } from '@hearth/core'
import { serverOf, type ServerName, type UserId } from '@hearth/protocol'
import { backoffDelay, type Clock, type Logger } from '@hearth/runtime'
import type { Store } from '@hearth/store'
import type { QueuedEvent } from './destination.ts'
import type { RoomAudiences } from './room-audiences.ts'

export interface EventDistributorDeps {
  readonly store: Pick<Store, 'events' | 'outgoingEvents' | 'servers' | 'users'>
  readonly feed: Pick<StreamFeed, 'listen' | 'position'>
  readonly audiences: RoomAudiences
  readonly serverName: ServerName
  /** Gives an event to the servers that it is for. */
  readonly deliver: (serverNids: readonly number[], event: QueuedEvent) => Promise<void>
  readonly clock: Clock
  readonly logger: Logger
}

/** An event that is for other servers. */
interface Outgoing extends QueuedEvent {
  readonly sender: UserId
}

interface Announced {
  readonly pos: number
  readonly nid: number
  readonly roomNid: number
}

/** Events that may wait to be given out; if there are more, they are read from the store. */
const maxWaiting = 10_000
const pageSize = 500
const backoff = { baseMs: 200, maxMs: 30_000 }

/** Follows the stream and gives each event that this server sends to others to their queues, in order. */
export class EventDistributor {
  readonly #deps: EventDistributorDeps
  #waiting: Announced[] = []
  /** All outgoing events after this position are in `#waiting`. */
  #announcedFrom = 0
  /** How far the stream has come. */
  #seen = 0
  #position = 0
  #running: Promise<void> | undefined
  #active = false
  #stop = new AbortController()
  #wake: (() => void) | undefined

  constructor(deps: EventDistributorDeps) {
    this.#deps = deps
    deps.feed.listen((changes, position) => this.#follow(changes, position))
  }

  /** Up to where all events have been given out. */
  get position(): number {
    return this.#position
  }

  /** How many events wait to be given out. */
  get waiting(): number {
    return this.#waiting.length
  }

  /** Begins after a position of the stream. */
  start(position: number): void {
    this.#active = true
    this.#stop = new AbortController()
    this.#position = position
    this.#waiting = []
    this.#announcedFrom = this.#seen = this.#deps.feed.position
    this.#running = this.#run(this.#stop.signal)
  }

  async stop(): Promise<void> {
    this.#active = false
    this.#stop.abort()
    this.#wake?.()
    await this.#running
  }

  #follow(changes: readonly Change[], position: number): void {
    if (!this.#active) return
    this.#seen = position
    for (const change of changes) {
      if (change.kind !== 'event' || !change.outgoing) continue
      this.#waiting.push({ pos: change.pos, nid: change.nid, roomNid: change.roomNid })
    }
    if (this.#waiting.length > maxWaiting) {
      this.#waiting = []
      this.#announcedFrom = position
    }
    const isIdle = this.#wake !== undefined && this.#waiting.length === 0 && this.#announcedFrom <= this.#position
    if (isIdle) this.#position = position
    else this.#wake?.()
  }

  async #run(signal: AbortSignal): Promise<void> {
    for (let failures = 0; !signal.aborted;) {
      try {
        if (this.#position < this.#announcedFrom) await this.#readStore(signal)
        else if (this.#waiting.length > 0) await this.#giveOut(signal)
        else await this.#sleep()
        failures = 0
      } catch (error) {
        const delayMs = backoffDelay(failures++, backoff)
        this.#deps.logger.warn('could not give out events to other servers; will try again', { error, delayMs })
        await this.#deps.clock.sleep(delayMs, signal).catch(() => undefined)
      }
    }
  }

  /** Waits for events. Meanwhile the position goes with the stream. */
  async #sleep(): Promise<void> {
    this.#position = this.#seen
    await new Promise<void>((resolve) => (this.#wake = resolve))
    this.#wake = undefined
  }

  async #readStore(signal: AbortSignal): Promise<void> {
    const { audiences, store } = this.#deps
    const { outgoingEvents, users } = store
    const upTo = this.#announcedFrom
    const events = await outgoingEvents.list({ after: this.#position, upTo }, pageSize)
    const senders = await users.keysOf(events.map(({ senderNid }) => senderNid))
    for (const { pos, roomNid, senderNid, json } of events) {
      const serverNids = await audiences.at(roomNid, pos)
      await this.#give({ pos, json, sender: senders.get(senderNid)! }, serverNids, signal)
    }
    if (events.length < pageSize && !signal.aborted) this.#position = Math.max(this.#position, upTo)
  }

  async #giveOut(signal: AbortSignal): Promise<void> {
    const { audiences, store } = this.#deps
    const { events, users } = store
    const page = this.#waiting.slice(0, pageSize)
    // Most rooms have no other server: of their events nothing need be looked up.
    const serversAt = new Map<number, readonly number[]>()
    for (const { pos, roomNid } of page) {
      const serverNids = await audiences.at(roomNid, pos)
      if (serverNids.length > 0) serversAt.set(pos, serverNids)
    }
    const wanted = page.flatMap(({ pos, nid }) => (serversAt.has(pos) ? [nid] : []))
    const rows = wanted.length > 0 ? await events.findByNids(wanted) : []
    const senders = await users.keysOf(rows.map(({ senderNid }) => senderNid))
    const byNid = new Map(rows.map((row) => [row.nid, row]))
    for (const { nid, pos } of page) {
      // What is not there any more went with its room.
      const row = byNid.get(nid)
      if (row) {
        await this.#give({ pos, json: row.json, sender: senders.get(row.senderNid)! }, serversAt.get(pos)!, signal)
      }
      // It may have been emptied meanwhile, for more than it holds.
      if (this.#waiting[0]?.pos === pos) this.#waiting.shift()
      if (signal.aborted) return
      this.#position = pos
    }
  }

  async #give({ pos, json, sender }: Outgoing, audience: readonly number[], signal: AbortSignal): Promise<void> {
    const { serverName, store, deliver } = this.#deps
    let serverNids = audience
    const origin = serverOf(sender)
    if (origin !== serverName && serverNids.length > 0) {
      const originNid = await store.servers.find(origin)
      serverNids = serverNids.filter((nid) => nid !== originNid)
    }
    if (signal.aborted) return
    if (serverNids.length > 0) await deliver(serverNids, { pos, json })
    if (!signal.aborted) this.#position = Math.max(this.#position, pos)
  }
}
