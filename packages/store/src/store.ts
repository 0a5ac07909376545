import { SystemClock } from '@hearth/runtime'
import { BackfilledEvents } from './backfilled-events.ts'
import { Database, type DatabaseOptions, type TransactionOptions } from './connection/database.ts'
import { StreamConsumers } from './consumers/stream-consumers.ts'
import { migrate } from './migrations/migrate.ts'
import { Outliers } from './outliers.ts'
import { Persister } from './persister/persister.ts'
import { RoomAdoption } from './room-adoption.ts'
import { RoomDeletion } from './room-deletion.ts'
import { AuthGraphs } from './state/auth-graphs.ts'
import { States } from './state/states.ts'
import { AccountDataStream, type AccountDataStreamChange } from './streams/account-data-stream.ts'
import { ErasureStream, type ErasureStreamChange } from './streams/erasure-stream.ts'
import { EventStream, type EventStreamChange } from './streams/event-stream.ts'
import { ForgottenRoomStream, type ForgottenRoomStreamChange } from './streams/forgotten-room-stream.ts'
import { OutsideMembershipStream, type OutsideMembershipStreamChange } from './streams/outside-membership-stream.ts'
import { PresenceListStream, type PresenceListStreamChange } from './streams/presence-list-stream.ts'
import { ProfileStream, type ProfileStreamChange } from './streams/profile-stream.ts'
import { ReceiptStream, type ReceiptStreamChange } from './streams/receipt-stream.ts'
import { Streams } from './streams/streams.ts'
import { ToDeviceStream, type ToDeviceStreamChange } from './streams/to-device-stream.ts'
import { Tables } from './tables.ts'
import { CachedEvents } from './tables/cached-events.ts'
import { EventTypes } from './tables/event-types.ts'
import { Servers } from './tables/servers.ts'
import { StateKeys } from './tables/state-keys.ts'
import { Users } from './tables/users.ts'

export interface StoreOptions extends DatabaseOptions {
  /** Whether to bring the schema up to date first; true when absent. */
  readonly migrate?: boolean
  /** How much memory events may take; 64 MiB when absent. */
  readonly eventCacheBytes?: number
  /** How much memory states of rooms may take; 128 MiB when absent. */
  readonly stateCacheBytes?: number
  /** How much memory auth graphs of rooms may take; 64 MiB when absent. */
  readonly authGraphCacheBytes?: number
  /** How often consumers look for changes by other processes, in milliseconds; 10 s when absent. */
  readonly consumerPollMs?: number
}

/** Everything that takes a position in the stream. */
export type StoredChange =
  | EventStreamChange
  | AccountDataStreamChange
  | ErasureStreamChange
  | ForgottenRoomStreamChange
  | OutsideMembershipStreamChange
  | PresenceListStreamChange
  | ProfileStreamChange
  | ReceiptStreamChange
  | ToDeviceStreamChange

/** Everything that Hearth keeps in PostgreSQL. */
export class Store extends Tables {
  readonly authGraphs: AuthGraphs
  readonly backfilledEvents: BackfilledEvents
  readonly consumers: StreamConsumers<StoredChange>
  readonly database: Database
  override readonly events: CachedEvents
  readonly eventTypes: EventTypes
  readonly outliers: Outliers
  readonly persister: Persister
  readonly roomAdoption: RoomAdoption
  readonly roomDeletion: RoomDeletion
  readonly servers: Servers
  readonly stateKeys: StateKeys
  readonly states: States
  readonly streams: Streams<StoredChange>
  readonly users: Users

  private constructor(db: Database, options: StoreOptions) {
    super(db)
    const { logger, metrics, clock = new SystemClock() } = options
    this.database = db
    this.events = new CachedEvents({ db, metrics, maxBytes: options.eventCacheBytes })
    this.backfilledEvents = new BackfilledEvents({ db, cache: this.events })
    this.eventTypes = new EventTypes({ db, metrics })
    this.servers = new Servers({ db, metrics })
    this.stateKeys = new StateKeys({ db, metrics })
    this.users = new Users({ db, metrics, servers: this.servers })
    this.states = new States({ db, logger, metrics, maxBytes: options.stateCacheBytes })
    this.authGraphs = new AuthGraphs({ db, metrics, maxBytes: options.authGraphCacheBytes })
    this.outliers = new Outliers({ db, authGraphs: this.authGraphs })
    this.roomAdoption = new RoomAdoption({ db })
    this.roomDeletion = new RoomDeletion({ db, events: this.events, states: this.states, authGraphs: this.authGraphs })
    this.streams = new Streams<StoredChange>({
      head: this.streamHead,
      sources: [
        new EventStream({ db, cache: this.events }),
        new AccountDataStream(this.accountData),
        new ErasureStream(this.erasures),
        new ForgottenRoomStream(this.localMemberships),
        new OutsideMembershipStream(this.outsideMemberships),
        new PresenceListStream(this.presenceLists),
        new ProfileStream(this.profiles),
        new ReceiptStream(this.receipts),
        new ToDeviceStream(this.toDevice),
      ],
    })
    const pollMs = options.consumerPollMs
    this.consumers = new StreamConsumers({ db, streams: this.streams, clock, logger, metrics, pollMs })
    this.persister = new Persister({ db, logger, metrics })
    // First of the listeners: whoever hears of a commit after them finds it in memory.
    this.persister.onCommitted((batch) => {
      this.events.applyCommitted(batch)
      this.states.applyCommitted(batch)
      this.authGraphs.applyCommitted(batch)
      this.consumers.hint(batch.pos, { hasState: batch.events.some(({ event }) => event.stateKeyNid !== null) })
    })
  }

  /**
   * Connects, after bringing the schema up to date.
   *
   * @throws UnsuitableDatabase when Hearth cannot work with the database; the message says how to put that right.
   */
  static async open(options: StoreOptions): Promise<Store> {
    const database = await Database.open(options)
    try {
      if (options.migrate !== false) await migrate(options.url)
      return new Store(database, options)
    } catch (error) {
      await database.close()
      throw error
    }
  }

  /**
   * Runs `work` with tables that are bound to one transaction: committed when it resolves, rolled back when it throws. It
   * may be run again from its start after a deadlock, so it must have no effects outside of the transaction.
   */
  transaction<T>(work: (tx: Tables) => Promise<T>, options?: TransactionOptions): Promise<T> {
    return this.database.transaction((tx) => work(new Tables(tx)), options)
  }

  /** Waits for what is running and disconnects. */
  async close(): Promise<void> {
    await this.consumers.stop()
    await this.persister.close()
    await this.states.settled()
    await this.database.close()
  }
}
