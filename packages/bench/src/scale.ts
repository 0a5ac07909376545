/** How much of everything a run does. */
export interface Scale {
  /** Rounds of each scenario; the report has the medians. */
  readonly rounds: number
  readonly sendSeconds: number
  readonly sendWarmUpSeconds: number
  readonly rooms: number
  readonly senders: number
  readonly singleSends: number
  readonly deliveries: number
  /** Members of the large room, all of whom wait in /sync. */
  readonly largeRoomMembers: number
  readonly fanOuts: number
  readonly parkedPolls: number
  /** Accounts that those belong to. */
  readonly parkedAccounts: number
  readonly initialSyncRooms: number
  readonly initialSyncs: number
  readonly historyPages: number
  readonly logins: number
  /** Members of the largest room, nearly all of them invited. */
  readonly invitedMembers: number
  /** Rooms of the public directory. */
  readonly publicRooms: number
  /** Messages that each of the other servers sends, 50 at a time. */
  readonly receivedPdus: number
  /** Members of the rooms of other servers that are joined: one that is usual, and the largest. */
  readonly joinedMembers: number
  readonly joinedManyMembers: number
  /** Servers that one event goes to. */
  readonly destinations: number
  /** Events that go to all of them, one after the other. */
  readonly eventsToDestinations: number
  /** Events that go to all of them without waiting. */
  readonly eventsInARow: number
  /** Events that a server missed while it was away. */
  readonly missedEvents: number
}

/** The scale that the targets are stated for. */
export const normalScale: Scale = {
  rounds: 3,
  sendSeconds: 10,
  sendWarmUpSeconds: 2,
  rooms: 50,
  senders: 32,
  singleSends: 300,
  deliveries: 200,
  largeRoomMembers: 1000,
  fanOuts: 3,
  parkedPolls: 10_000,
  parkedAccounts: 100,
  initialSyncRooms: 100,
  initialSyncs: 5,
  historyPages: 200,
  logins: 15,
  invitedMembers: 50_000,
  publicRooms: 100_000,
  receivedPdus: 1_000,
  joinedMembers: 10_000,
  joinedManyMembers: 50_000,
  destinations: 1_000,
  eventsToDestinations: 10,
  eventsInARow: 50,
  missedEvents: 10_000,
}

/** To see in two minutes whether anything is broken; its figures are not comparable. */
export const quickScale: Scale = {
  rounds: 1,
  sendSeconds: 3,
  sendWarmUpSeconds: 1,
  rooms: 10,
  senders: 8,
  singleSends: 50,
  deliveries: 30,
  largeRoomMembers: 50,
  fanOuts: 2,
  parkedPolls: 500,
  parkedAccounts: 20,
  initialSyncRooms: 10,
  initialSyncs: 2,
  historyPages: 20,
  logins: 3,
  invitedMembers: 2_000,
  publicRooms: 1_000,
  receivedPdus: 200,
  joinedMembers: 500,
  joinedManyMembers: 2_000,
  destinations: 50,
  eventsToDestinations: 3,
  eventsInARow: 10,
  missedEvents: 500,
}
