import { MatrixError } from '@hearth/protocol'
import type { Logger, Metrics } from '@hearth/runtime'
import { CommitUnknown, DatabaseUnavailable, PersisterOverloaded, type CommitOutcome, type Store } from '@hearth/store'
import type { StreamFeed } from '../../sync/stream-feed.ts'
import type { PolicyServers } from '../policy/policy-servers.ts'
import type { Room } from '../room.ts'
import type { RoomEvents } from '../room-events.ts'
import type { RoomInbox, RoomMailboxes } from '../room-mailboxes.ts'
import type { RoomRegistry } from '../room-registry.ts'
import type { ChainOutcome } from './chain-outcome.ts'
import { KnownEvents } from './known-events.ts'
import { ReceivedChain } from './received-chain.ts'
import type { PlacedEvent, Placement, ReceivedEvent } from './received-event.ts'
import { PendingRedactions } from './redaction-step.ts'
import type { StateResolver } from './state-resolver.ts'

interface Item {
  readonly received: ReceivedEvent
  readonly resolve: (placement: Placement) => void
  readonly reject: (error: unknown) => void
  /** How often another writer was faster. */
  lostRaces: number
}

export interface EventReceiverDeps {
  readonly store: Store
  readonly rooms: RoomRegistry
  readonly mailboxes: RoomMailboxes
  readonly events: RoomEvents
  readonly feed: StreamFeed
  readonly resolver: StateResolver
  readonly serverName: string
  /** None when absent. */
  readonly policies?: Pick<PolicyServers, 'screen'> | undefined
  /** Looks at a room whose head has moved. */
  readonly onHeadMoved?: (room: Room) => void
  readonly logger: Logger
  readonly metrics?: Metrics | undefined
}

const maxLostRaces = 20

/**
 * The one way in which events of other servers become part of a room: its mailbox takes them in order, puts them through
 * the checks that depend on the room, and commits what comes of it.
 */
export class EventReceiver {
  readonly #deps: EventReceiverDeps
  readonly #inbox: RoomInbox<Item>
  readonly #countPlaced: (kind: PlacedEvent['kind']) => void

  constructor(deps: EventReceiverDeps) {
    this.#deps = deps
    this.#inbox = deps.mailboxes.register((roomNid, batch) => this.#work(roomNid, batch))
    const placed = deps.metrics?.counter({
      name: 'hearth_received_events_total',
      help: 'Events of other servers that were stored, by what the checks said of them',
      labelNames: ['outcome'],
    })
    this.#countPlaced = (outcome) => placed?.inc({ outcome })
  }

  /**
   * Takes events of a room that this server is in, in an order in which each comes after those before it.
   *
   * @returns what became of each, once that is committed.
   * @throws MatrixError M_LIMIT_EXCEEDED when the room has too much waiting.
   */
  async receive(room: Pick<Room, 'nid'>, events: readonly ReceivedEvent[]): Promise<Placement[]> {
    const screened = await this.#screen(room, events)
    const placements: Promise<Placement>[] = []
    const items = screened.map((received): Item => {
      const { promise, resolve, reject } = Promise.withResolvers<Placement>()
      placements.push(promise)
      return { received, resolve, reject, lostRaces: 0 }
    })
    if (items.length > 0 && !this.#inbox.post(room.nid, ...items)) throw roomIsBusy()
    return Promise.all(placements)
  }

  /** Takes one event of a room that this server is in. */
  async receiveOne(room: Pick<Room, 'nid'>, received: ReceivedEvent): Promise<Placement> {
    const [placement] = await this.receive(room, [received])
    return placement!
  }

  /** Whoever has to be asked about events is asked before they come into line: the room does not wait for it. */
  async #screen({ nid }: Pick<Room, 'nid'>, events: readonly ReceivedEvent[]): Promise<readonly ReceivedEvent[]> {
    const { policies, rooms } = this.#deps
    const room = policies && (await rooms.findByNid(nid))
    return room ? policies.screen(room, events) : events
  }

  async #work(roomNid: number, batch: readonly Item[]): Promise<readonly Item[]> {
    try {
      const room = await this.#deps.rooms.findByNid(roomNid)
      if (!room) {
        for (const { resolve } of batch) resolve({ kind: 'ignored', reason: 'this server is not in the room' })
        return []
      }
      return await this.#receiveAll(room, batch)
    } catch (error) {
      // Whether a failed commit took place is known only to the database.
      this.#deps.rooms.forget(roomNid)
      return batch.filter((item) => this.#mayTryAgainAfter(error, item))
    }
  }

  async #receiveAll(room: Room, batch: readonly Item[]): Promise<readonly Item[]> {
    const { store, events, resolver, serverName } = this.#deps
    const known = new KnownEvents({ store, events, room })
    const pendingRedactions = new PendingRedactions({ store, events, room })
    const received = batch.map((item) => item.received.event)
    const receivedIds = received.map(({ eventId }) => eventId)
    await Promise.all([known.loadWithReferences(received), pendingRedactions.load(receivedIds)])
    const deps = { store, events, resolver, serverName, known, receivedIds, pendingRedactions }
    const chain = new ReceivedChain(room, deps)
    const taken: Item[] = []
    const left = [...batch]
    for (const item of batch) {
      const step = await chain.take(item.received)
      if (step.kind === 'wait') break
      left.shift()
      if (step.kind === 'taken') taken.push(item)
      else item.resolve(step.placement)
    }
    return taken.length === 0 ? left : [...(await this.#commit(chain, taken)), ...left]
  }

  async #commit(chain: ReceivedChain, taken: readonly Item[]): Promise<readonly Item[]> {
    const { store, rooms } = this.#deps
    const { room } = chain
    let outcome: CommitOutcome
    try {
      await store.backwardExtremities.insert(room.nid, chain.gaps())
      outcome = await store.persister.commit(await chain.toCommit())
    } catch (error) {
      if (error instanceof CommitUnknown) this.#deps.feed.doubt()
      rooms.forget(room.nid)
      return taken.filter((item) => this.#mayTryAgainAfter(error, item))
    }
    if (outcome.kind === 'committed') {
      const committed = chain.outcome(outcome.firstPos)
      await this.#advance(chain, committed, outcome.firstPos)
      committed.placements().forEach((placed, index) => {
        this.#countPlaced(placed.kind)
        taken[index]!.resolve(placed)
      })
      return []
    }
    await rooms.reload(room)
    return taken.filter((item) => this.#mayTryAgain(item))
  }

  /** Moves the room's head to the end of a committed chain and tells the stream. */
  async #advance(chain: ReceivedChain, committed: ChainOutcome, firstPos: number): Promise<void> {
    const { events, feed } = this.#deps
    for (const nid of committed.redactedNids()) events.forget(nid)
    for (const { nid, event, json } of committed.numbered()) events.remember(nid, event, json)
    const changes = await committed.changes()
    chain.room.head = committed.head()
    feed.publish({ firstPos, count: chain.length, changes })
    await feed.reached(chain.room.head.lastPos)
    this.#deps.onHeadMoved?.(chain.room)
  }

  /** After a failure that a repetition may get over: an event that was stored as an outlier meanwhile, for one. */
  #mayTryAgainAfter(error: unknown, item: Item): boolean {
    const isHopeless = error instanceof DatabaseUnavailable || error instanceof PersisterOverloaded
    if (!isHopeless && item.lostRaces < maxFailures) {
      item.lostRaces += 1
      this.#deps.logger.debug('a received event is tried again', { error, eventId: item.received.event.eventId })
      return true
    }
    item.reject(error)
    return false
  }

  #mayTryAgain(item: Item): boolean {
    item.lostRaces += 1
    if (item.lostRaces <= maxLostRaces) return true
    item.reject(roomIsBusy())
    return false
  }
}

/** How often an event is tried whose commit the database refuses. */
const maxFailures = 3

function roomIsBusy(): MatrixError {
  return new MatrixError('M_LIMIT_EXCEEDED', 'The room is busy', { fields: { retry_after_ms: 1_000 } })
}
