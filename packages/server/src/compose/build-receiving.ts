import {
  AuthEventFetcher,
  DummyEvents,
  EventReceiver,
  FetchedPduVerifier,
  GapFill,
  GapFiller,
  MissingEventsFetcher,
  OutlierIntake,
  OutsideMembershipChanges,
  ReceivedPdus,
  ReceivedRetractions,
  StateBeforeFetcher,
  type EventSender,
  type GapSource,
  type Jobs,
  type JoiningRooms,
  type PduVerifier,
  type PolicyServers,
  type RoomEvents,
  type RoomMailboxes,
  type RoomRegistry,
  type ServerAcls,
  type StateResolver,
  type StreamFeed,
  type ThisProcess,
} from '@hearth/core'
import type { RoomId, ServerName } from '@hearth/protocol'
import type { Bus } from '@hearth/queues'
import type { Clock, Lifecycle, Logger, Metrics } from '@hearth/runtime'
import type { Store } from '@hearth/store'

export interface ReceivingDeps {
  readonly store: Store
  readonly serverName: ServerName
  readonly rooms: RoomRegistry
  readonly joiningRooms: JoiningRooms
  readonly mailboxes: RoomMailboxes
  readonly sender: EventSender
  readonly jobs: Jobs
  readonly bus: Bus
  readonly process: ThisProcess
  readonly fillsGaps: boolean
  readonly events: RoomEvents
  readonly feed: StreamFeed
  readonly acls: ServerAcls
  readonly policies: PolicyServers
  readonly pduVerifier: PduVerifier
  readonly stateResolver: StateResolver
  readonly federationClient: GapSource
  readonly clock: Clock
  readonly logger: Logger
  readonly metrics: Metrics
  readonly lifecycle: Lifecycle
}

/** Builds what takes in the events of other servers: those that can be taken at once, and those that wait for others. */
export function buildReceiving(deps: ReceivingDeps) {
  const dummyEvents = new DummyEvents(deps)
  deps.jobs.register(dummyEvents)
  const eventReceiver = new EventReceiver({
    ...deps,
    resolver: deps.stateResolver,
    onHeadMoved: (room) => void dummyEvents.consider(room),
  })
  const fetching = {
    ...deps,
    source: deps.federationClient,
    receiver: eventReceiver,
    resolver: deps.stateResolver,
    verifier: deps.pduVerifier,
    outliers: new OutlierIntake(deps),
  }
  const fetched = new FetchedPduVerifier(fetching)
  const authEvents = new AuthEventFetcher({ ...fetching, fetched })
  const gapFill = new GapFill({
    ...fetching,
    authEvents,
    missingEvents: new MissingEventsFetcher({ ...deps, ...fetching, fetched }),
    stateBefore: new StateBeforeFetcher({ ...fetching, fetched, authEvents }),
  })
  const { bus, process, fillsGaps, lifecycle } = deps
  const gapFiller = new GapFiller({ ...fetching, process: bus.isShared ? process : undefined, gapFill })
  deps.joiningRooms.onEnd((roomId) => {
    void gapFiller.wakeJoined(roomId)
    bus.publish('joined', { room: roomId })
  })
  if (fillsGaps) bus.onHint('joined', ({ room }) => void gapFiller.wakeJoined(room as RoomId))
  lifecycle.add({
    name: 'gap filler',
    start: () => (fillsGaps ? gapFiller.start() : undefined),
    stop: () => gapFiller.stop(),
  })
  const retractions = new ReceivedRetractions({ ...deps, memberships: new OutsideMembershipChanges(deps) })
  return { eventReceiver, receivedPdus: new ReceivedPdus({ ...fetching, gapFiller, retractions }) }
}
