/** A figure that the benchmark reports. `targets` are those of a machine with two cores that everything shares. */
export interface Metric {
  readonly title: string
  readonly unit: 'per s' | 'ms' | 's' | 'kB' | 'MB' | 'events' | 'transactions'
  readonly better: 'higher' | 'lower'
  readonly targets?: { readonly first: number; readonly stretch: number }
}

const perSecond = { unit: 'per s', better: 'higher' } as const
const milliseconds = { unit: 'ms', better: 'lower' } as const
const seconds = { unit: 's', better: 'lower' } as const
const megabytes = { unit: 'MB', better: 'lower' } as const

/** Every figure, in the order of the report. */
export const metrics = {
  sendsDelivered: {
    title: 'sends, 32 clients in 50 rooms of 6 or 7: delivered to another’s sync',
    ...perSecond,
    targets: { first: 2500, stretch: 4500 },
  },
  sendsAcknowledged: { title: '– acknowledged', ...perSecond },
  sendBacklog: { title: '– backlog when the senders stop', unit: 'events', better: 'lower' },
  sendsLost: {
    title: '– acknowledged but never delivered',
    unit: 'events',
    better: 'lower',
    targets: { first: 0, stretch: 0 },
  },
  loadedSendP50: { title: '– send latency under that load, p50', ...milliseconds },
  loadedSendP99: { title: '– send latency under that load, p99', ...milliseconds },
  loadedArrivalP50: { title: '– send to another’s sync under that load, p50', ...milliseconds },
  loadedArrivalP99: { title: '– send to another’s sync under that load, p99', ...milliseconds },
  eventLoopLagP99: {
    title: '– event-loop lag of the server, p99',
    ...milliseconds,
    targets: { first: 20, stretch: 20 },
  },
  commitsPerMessage: { title: '– database transactions for each message', unit: 'transactions', better: 'lower' },
  walPerMessage: {
    title: '– WAL for each message',
    unit: 'kB',
    better: 'lower',
    targets: { first: 2.5, stretch: 2.5 },
  },
  sendP50: { title: 'send latency, one client, p50', ...milliseconds, targets: { first: 3, stretch: 3 } },
  sendP99: { title: 'send latency, one client, p99', ...milliseconds, targets: { first: 15, stretch: 15 } },
  deliveryP50: { title: 'send to another’s waiting sync, p50', ...milliseconds, targets: { first: 5, stretch: 5 } },
  deliveryP99: { title: 'send to another’s waiting sync, p99', ...milliseconds, targets: { first: 25, stretch: 25 } },
  sameProcessP50: { title: 'the same, both on one process of several, p50', ...milliseconds },
  sameProcessP99: { title: 'the same, both on one process of several, p99', ...milliseconds },
  otherProcessP50: { title: 'the same, on two processes, p50', ...milliseconds },
  otherProcessP99: { title: 'the same, on two processes, p99', ...milliseconds },
  hopP50: {
    title: '– what the way from one process to another adds, p50',
    ...milliseconds,
    targets: { first: 2, stretch: 2 },
  },
  fanOutLast: {
    title: 'one event to all waiting syncs of a large room, the last one',
    ...milliseconds,
    targets: { first: 150, stretch: 80 },
  },
  fanOutP50: { title: '– the median one', ...milliseconds },
  parkedPollMemory: {
    title: 'memory of the server for each waiting sync',
    unit: 'kB',
    better: 'lower',
    targets: { first: 30, stretch: 20 },
  },
  incrementalSyncs: {
    title: 'incremental syncs that return one new event',
    ...perSecond,
    targets: { first: 4000, stretch: 8000 },
  },
  initialSync100: {
    title: 'initial sync, 100 rooms with 20 events each',
    ...milliseconds,
    targets: { first: 200, stretch: 100 },
  },
  initialSync1000: {
    title: 'initial sync, 1,000 rooms with 20 events each',
    ...milliseconds,
    targets: { first: 2000, stretch: 1000 },
  },
  initialSync1000Memory: { title: '– memory that the server takes for it at its worst', ...megabytes },
  initialSync1000Stall: {
    title: '– longest that its event loop stands still',
    ...milliseconds,
    targets: { first: 50, stretch: 50 },
  },
  messagesP50: { title: '/messages, 50 events, p50', ...milliseconds },
  messagesP99: { title: '/messages, 50 events, p99', ...milliseconds, targets: { first: 15, stretch: 15 } },
  membersOfLargeRoom: { title: '/members of the large room', ...milliseconds },
  membersOf10k: { title: '/members of a room of 10,000', ...milliseconds, targets: { first: 150, stretch: 150 } },
  membersOf50k: { title: '/members of a room of 50,000', ...milliseconds },
  membersOf50kMemory: { title: '– memory that the server takes for it at its worst', ...megabytes },
  membersOf50kStall: {
    title: '– longest that its event loop stands still',
    ...milliseconds,
    targets: { first: 50, stretch: 50 },
  },
  publicRoomsFirst: { title: '/publicRooms of 100,000: the first 100', ...milliseconds },
  publicRoomsDeep: { title: '– 100 in the middle', ...milliseconds },
  publicRoomsSearch: { title: '– a search that finds few', ...milliseconds },
  publicRoomsVain: { title: '– a search that finds none', ...milliseconds },
  pdusOfOne: {
    title: 'events from another server, seen by a member here',
    ...perSecond,
    targets: { first: 2500, stretch: 5000 },
  },
  pdusOfFour: { title: '– from four servers at once', ...perSecond, targets: { first: 2500, stretch: 5000 } },
  pdusLagP99: { title: '– event-loop lag of the server, p99', ...milliseconds },
  remoteJoin: {
    title: 'join of a room of 10,000 on another server, until a message is sent',
    ...seconds,
    targets: { first: 6, stretch: 3.5 },
  },
  remoteJoinMemory: {
    title: '– memory that the server takes for it at its worst',
    ...megabytes,
    targets: { first: 400, stretch: 400 },
  },
  remoteJoinStall: { title: '– longest that its event loop stands still', ...milliseconds },
  servedJoin: {
    title: 'join of that room by another server: send_join answered',
    ...milliseconds,
    targets: { first: 400, stretch: 200 },
  },
  largeRemoteJoin: {
    title: 'join of a room of 50,000 on another server, until a message is sent',
    ...seconds,
    targets: { first: 30, stretch: 18 },
  },
  largeRemoteJoinMemory: { title: '– memory that the server takes for it at its worst', ...megabytes },
  largeRemoteJoinStall: { title: '– longest that its event loop stands still', ...milliseconds },
  toThousandServers: {
    title: 'one event to 1,000 other servers, all have it',
    ...seconds,
    targets: { first: 1.5, stretch: 0.7 },
  },
  toThousandServersFirst: { title: '– the first one, with all connections to be made', ...seconds },
  transactionsSent: {
    title: 'transactions to other servers',
    ...perSecond,
    targets: { first: 3000, stretch: 6000 },
  },
  catchUp: {
    title: 'catch-up of a server that missed 10,000 events in 100 rooms',
    ...seconds,
    targets: { first: 20, stretch: 8 },
  },
  login: { title: 'login with a password, p50', ...milliseconds, targets: { first: 60, stretch: 60 } },
  firstStart: { title: 'first start to first answer', unit: 's', better: 'lower', targets: { first: 3, stretch: 3 } },
  laterStart: {
    title: 'later start to first answer',
    unit: 's',
    better: 'lower',
    targets: { first: 1.5, stretch: 1.5 },
  },
  idleMemory: { title: 'memory after the start', ...megabytes, targets: { first: 150, stretch: 150 } },
  idleDatabaseMemory: { title: '– of its PostgreSQL', ...megabytes, targets: { first: 120, stretch: 120 } },
  loadedMemory: { title: 'memory after all of this', ...megabytes, targets: { first: 600, stretch: 600 } },
  loadedDatabaseMemory: { title: '– of its PostgreSQL', ...megabytes },
} as const satisfies Record<string, Metric>

export type MetricName = keyof typeof metrics

/** What a scenario measured in one round. */
export type Measurements = Partial<Record<MetricName, number>>

/** The definition under its general type. */
export function metric(name: MetricName): Metric {
  return metrics[name]
}
