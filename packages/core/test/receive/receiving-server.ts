import { randomUUID } from 'node:crypto'
import { generateSigningKey } from '@hearth/crypto'
import type { EventId, RoomId, ServerName } from '@hearth/protocol'
import { canonicalEventJson, roomIdOf, stateTupleKey, type RoomEvent, type RoomVersion } from '@hearth/rooms'
import { LocalJobQueue } from '@hearth/queues'
import { createLogger, Metrics, SystemClock } from '@hearth/runtime'
import { EMPTY_STATE_KEY, Store, wellKnownTypes } from '@hearth/store'
import {
  AuthEventFetcher,
  EventReceiver,
  EventSender,
  FetchedPduVerifier,
  GapFill,
  GapFiller,
  Jobs,
  MissingEventsFetcher,
  OutlierIntake,
  OutsideMembershipChanges,
  PduVerifier,
  ReceivedPdus,
  ReceivedRetractions,
  RoomAcls,
  StateBeforeFetcher,
  RoomEvents,
  RoomMailboxes,
  RoomRegistry,
  StateResolver,
  StreamFeed,
  StreamReader,
  type Change,
  type GapSource,
  type VerifyKeys,
  type Placement,
  type ReceivedEvent,
  type Room,
} from '../../src/index.ts'

const logger = createLogger({ level: 'error', sink: { write: () => undefined, flush: () => undefined } })

/** What of a server takes events into rooms, on a database. */
export class ReceivingServer {
  readonly serverName: ServerName
  readonly changes: Change[] = []
  readonly store: Store
  readonly rooms: RoomRegistry
  readonly events: RoomEvents
  readonly feed: StreamFeed
  readonly sender: EventSender
  readonly outliers: OutlierIntake
  readonly resolver: StateResolver
  readonly receiver: EventReceiver
  /** What another process reads of the stream. */
  readonly streamAfter: (after: number, upTo: number) => Promise<{ readonly changes: readonly Change[] }>

  private constructor(store: Store, serverName: ServerName) {
    const metrics = new Metrics()
    const clock = new SystemClock()
    this.serverName = serverName
    this.store = store
    this.events = new RoomEvents({ store, serverName, cacheBytes: 10_000_000, metrics })
    this.rooms = new RoomRegistry({ store, events: this.events, maxRooms: 100, metrics })
    const reader = new StreamReader({ store, events: this.events, rooms: this.rooms, serverName })
    this.streamAfter = (after, upTo) => reader.read(after, upTo)
    this.feed = new StreamFeed({
      readHead: () => store.streams.position(),
      readChanges: (after, upTo) => reader.read(after, upTo),
      readTold: (after, upTo, kinds) => reader.readTold(after, upTo, kinds),
      pollMs: 0,
      clock,
      logger,
    })
    this.feed.listen((changes) => {
      this.rooms.follow(changes)
      this.changes.push(...changes)
    })
    const common = { store, rooms: this.rooms, events: this.events, feed: this.feed, serverName, clock, logger }
    const mailboxes = new RoomMailboxes()
    this.sender = new EventSender({ ...common, mailboxes, signingKey: generateSigningKey() })
    this.outliers = new OutlierIntake({ store, events: this.events, clock })
    this.resolver = new StateResolver({ store, events: this.events })
    this.receiver = new EventReceiver({ ...common, mailboxes, resolver: this.resolver })
  }

  static async start(databaseUrl: string, serverName = 'here.test' as ServerName): Promise<ReceivingServer> {
    const server = new ReceivingServer(await Store.open({ url: databaseUrl, logger }), serverName)
    await server.feed.start()
    return server
  }

  /** What takes transactions, and fetches what is missing from other servers. */
  transactions(keys: VerifyKeys, source: GapSource): { receivedPdus: ReceivedPdus; gapFiller: GapFiller } {
    const { store, events, rooms, serverName, receiver, resolver, outliers } = this
    const verifier = new PduVerifier({ keys })
    const fetched = new FetchedPduVerifier({ verifier })
    const common = { store, rooms, serverName, receiver, resolver, outliers, source, fetched, logger }
    const authEvents = new AuthEventFetcher(common)
    const missingEvents = new MissingEventsFetcher(common)
    const stateBefore = new StateBeforeFetcher({ ...common, authEvents })
    const gapFill = new GapFill({ ...common, authEvents, missingEvents, stateBefore })
    const gapFiller = new GapFiller({ ...common, gapFill, clock: new SystemClock() })
    const acls = new RoomAcls({ events })
    const memberships = new OutsideMembershipChanges({ store, feed: this.feed, serverName })
    const retractions = new ReceivedRetractions({ store, memberships, serverName })
    const clock = new SystemClock()
    const receivedPdus = new ReceivedPdus({ ...common, acls, verifier, gapFiller, retractions, clock })
    return { receivedPdus, gapFiller }
  }

  jobs(): Jobs {
    const process = { id: randomUUID(), onFreed: () => undefined }
    return new Jobs({ store: this.store, clock: new SystemClock(), logger, process, queue: new LocalJobQueue() })
  }

  async stop(): Promise<void> {
    this.feed.stop()
    await this.store.close()
  }

  /** Stores a room of which there is nothing but its create event. */
  async addRoom(version: RoomVersion, create: RoomEvent): Promise<Room> {
    const roomId: RoomId = roomIdOf(version, create)
    const nid = await this.store.rooms.reserveNid()
    const json = canonicalEventJson(version, create.pdu)
    const row = await this.events.rowOf(create, json, { auth: [] })
    const newRoom = { roomId, version: version.id }
    const outcome = await this.store.persister.commit({
      roomNid: nid,
      expectedPos: 0,
      stateNid: 0,
      newRoom,
      events: [{ ...row, typeNid: wellKnownTypes['m.room.create'], stateKeyNid: EMPTY_STATE_KEY }],
      extremities: [-1],
    })
    if (outcome.kind !== 'committed') throw new Error(`not committed: ${outcome.kind}`)
    this.feed.hint(outcome.lastPos)
    await this.feed.reached(outcome.lastPos)
    return (await this.rooms.findByNid(nid))!
  }

  /** Takes events that are verified already. */
  async receive(room: Room, ...events: readonly RoomEvent[]): Promise<Placement[]> {
    return this.receiver.receive(
      room,
      events.map((event) => receivedEvent(room.version, event)),
    )
  }

  /** The room as it is now, read anew. */
  async reload(room: Room): Promise<Room> {
    this.rooms.forget(room.nid)
    return (await this.rooms.findByNid(room.nid))!
  }

  /** The room's current state by `stateTupleKey`, as its head has it. */
  async currentState({ head }: Room): Promise<Map<string, EventId>> {
    const nids = [...head.state.entries()].map(({ nid }) => nid)
    const events = await this.events.findByNids(nids)
    return new Map(
      nids.map((nid) => {
        const { eventId, pdu } = events.get(nid)!
        return [stateTupleKey(pdu.type, pdu.state_key!), eventId]
      }),
    )
  }

  /** The same, as the table for queries over many rooms has it. */
  async tabulatedState({ nid: roomNid }: Room): Promise<Map<string, EventId>> {
    const rows = await this.store.database.query<{ nid: number; type: string; key: string }>(
      'test.currentState',
      `select s.nid, t.type, k.key from current_state s join event_types t on t.nid = s.type_nid
         join state_keys k on k.nid = s.skey_nid where s.room_nid = $1`,
      [roomNid],
    )
    const events = await this.events.findByNids(rows.map(({ nid }) => nid))
    return new Map(rows.map(({ nid, type, key }) => [stateTupleKey(type, key), events.get(nid)!.eventId]))
  }
}

export function receivedEvent(version: RoomVersion, { eventId, pdu }: RoomEvent): ReceivedEvent {
  return { event: { eventId, pdu }, json: canonicalEventJson(version, pdu) }
}
