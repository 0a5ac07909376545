import { clientRateLimits, loginLimits } from '@hearth/client-api'
import {
  createAccountServices,
  FederationPolicy,
  GuestAccessConsumer,
  GuestRemoval,
  Jobs,
  JoiningRooms,
  LeaveRooms,
  type PasswordCost,
  ReadMarkers,
  RoomStatisticsConsumer,
  UserDirectoryConsumer,
  SyncFilters,
  ThisProcess,
  UpToDate,
} from '@hearth/core'
import { federationRateLimits, ServerHealth } from '@hearth/federation'
import { IdentityServers, SystemNetwork, type Network } from '@hearth/federation-client'
import { mediaRateLimits } from '@hearth/media'
import { RateLimiters } from '@hearth/http'
import { Queues } from '@hearth/queues'
import type { Clock, Lifecycle, Logger, Metrics } from '@hearth/runtime'
import type { Store } from '@hearth/store'
import type { RunningServer } from './cli/command.ts'
import { announce } from './compose/announce.ts'
import { buildFederationClient } from './compose/build-federation-client.ts'
import { buildHttp, buildMetricsHttp } from './compose/build-http.ts'
import { buildKeys } from './compose/build-keys.ts'
import { buildMedia } from './compose/build-media.ts'
import { buildPeople } from './compose/build-people.ts'
import { buildRemote } from './compose/build-remote.ts'
import { buildRooms } from './compose/build-rooms.ts'
import { buildSending } from './compose/build-sending.ts'
import { buildServing } from './compose/build-serving.ts'
import { buildTransactions } from './compose/build-transactions.ts'
import { buildWebClient } from './compose/build-web-client.ts'
import type { OpenedStore } from './compose/open-store.ts'
import { roleOf } from './compose/roles.ts'
import { findSigningKey, loadSigningKey } from './compose/signing-key-file.ts'
import type { Config } from './generated/config.ts'

/** Other processes may write to an external database; the embedded one is this process's own. */
const EXTERNAL_POLL_MS = 1_000
/** Requests are given less: `stopTimeoutMs` of `HttpLimits`. */
const HTTP_STOP_MS = 6_000
/** For how long a process among several goes on serving that has said that it stops: balancers and clients turn to others. */
const DRAIN_MS = 2_000
/** How often to look for jobs where other processes may ask for them, should the queue lose its word. */
const SHARED_JOBS_POLL_MS = 5_000

export interface ServerOptions {
  /** The machine's when absent. */
  readonly clock?: Clock
  /** Answers that do not fit their schema become a 500: for tests. */
  readonly checkResponses?: boolean
  /** What new password hashes cost; for tests, which make thousands. */
  readonly passwordCost?: PasswordCost
  /** Where requests to other servers go; the machine's network when absent. */
  readonly network?: Network
}

/** A server that serves, with what tests look at. */
export interface HearthServer extends RunningServer {
  /** The URLs that are listened on. */
  readonly urls: readonly string[]
  readonly store: Store
}

/** What every part of the process uses. */
export interface Common {
  readonly clock: Clock
  readonly logger: Logger
  readonly metrics: Metrics
}

/** Builds the server on its store, bottom-up, as ARCHITECTURE.md draws it, and starts it. */
export async function compose(
  config: Config,
  { store, kind }: OpenedStore,
  common: Common,
  lifecycle: Lifecycle,
  { checkResponses = false, network = new SystemNetwork(), passwordCost }: ServerOptions,
): Promise<HearthServer> {
  const pollMs = kind === 'external' ? EXTERNAL_POLL_MS : 0

  const runs = roleOf(config)
  const queues = await Queues.create({
    redisUrl: config.redisUrl,
    deployment: await store.deployment.identity(),
    ...common,
  })
  const { bus } = queues
  lifecycle.add({ name: 'queues', start: () => queues.begin(), stop: () => queues.end(), stopTimeoutMs: 2_000 })
  const process = new ThisProcess({ store, bus, roles: config.roles, alone: kind === 'embedded', ...common })
  lifecycle.add({ name: 'process', start: () => process.start(), stop: () => process.stop() })

  const jobs = new Jobs({
    store,
    process,
    queue: queues.jobQueue,
    ...(kind === 'external' && { pollMs: SHARED_JOBS_POLL_MS }),
    ...common,
  })

  const { enabled } = config.rateLimits
  const limits = { ...clientRateLimits, ...federationRateLimits, ...mediaRateLimits }
  const rateLimiters = new RateLimiters({ limits, enabled, shared: queues.rateLimits, metrics: common.metrics })
  const { serverName } = config
  if (config.redisUrl !== undefined) await requireSameKey(config.dataDir, store)
  const signingKey = await loadSigningKey(config.dataDir)
  const policy = new FederationPolicy(config.federation)
  const health = new ServerHealth({ store, bus, ...common })
  lifecycle.add({ name: 'server health', start: () => health.start(), stop: () => health.stop() })
  const federationClient = buildFederationClient(config, {
    network,
    health,
    signingKey: () => signingKey,
    mayTalkTo: (destination) => policy.allows(destination),
    lifecycle,
    ...common,
  })
  health.onReset((destination) => federationClient.forgetWayTo(destination))
  const webClient = buildWebClient(config, { network, ...common })
  const identityServers = new IdentityServers({ webClient })
  const { serverAuthentication, ...keys } = await buildKeys(config, {
    store,
    signingKey,
    source: federationClient,
    policy,
    health,
    rateLimiters,
    ...common,
  })
  const joiningRooms = new JoiningRooms({ store })
  const { feed, unreadCountsConsumer, ...rooms } = buildRooms({
    store,
    joiningRooms,
    serverName,
    signingKey,
    federationClient,
    identityServers,
    keyRing: keys.keyRing,
    lifecycle,
    defaultRoomVersion: config.rooms.defaultVersion,
    directory: config.rooms.directory,
    jobs,
    bus,
    process,
    fillsGaps: runs('federation-in'),
    pollMs,
    ...common,
  })
  const accounts = createAccountServices({
    passwordCost,
    store,
    serverName,
    registration: config.registration,
    loginLimits: loginLimits(rateLimiters),
    jobs,
    feed,
    bus,
    pollMs,
    ...common,
  })
  const { membershipAnywhere, receivedInvites } = buildRemote({
    ...rooms,
    ...keys,
    store,
    serverName,
    feed,
    joiningRooms,
    federationClient,
    countInvite: (invited) => rateLimiters.count('invitesOfUser', invited),
    jobs,
    bus,
    ...common,
  })
  jobs.register(new LeaveRooms({ store, membership: membershipAnywhere, logger: common.logger }))
  jobs.register(new GuestRemoval({ store, rooms: rooms.rooms, sender: rooms.sender }))
  const { accountData } = rooms
  const people = buildPeople(config, {
    store,
    accountData,
    rooms: rooms.rooms,
    access: rooms.access,
    events: rooms.events,
    profiles: rooms.profiles,
    ignoredUsers: rooms.ignoredUsers,
    clock: common.clock,
  })
  const serving = buildServing({
    ...common,
    ...rooms,
    store,
    serverName,
    signingKey,
    acls: rooms.roomAcls,
    keyRing: keys.keyRing,
    federationClient,
    identityServers,
  })
  const transactions = buildTransactions({ ...rooms, ...common, eduContext: rooms })
  const readMarkers = new ReadMarkers({ accountData, receipts: rooms.receipts, access: rooms.access, store })
  const syncFilters = new SyncFilters({ store, metrics: common.metrics })

  const mediaServices = await buildMedia(config, { store, jobs, federationClient, webClient, lifecycle, ...common })

  let stopping = false
  const httpDeps = {
    rateLimiters,
    services: {
      ...accounts,
      ...rooms,
      ...people,
      ...keys,
      ...serving,
      membershipAnywhere,
      receivedInvites,
      ...transactions,
      readMarkers,
      syncFilters,
      federationClient,
    },
    mediaServices,
    federationAdministration: { store, health },
    serverAuthentication,
    runs,
    upToDate: new UpToDate({ feed, process, readHead: () => store.streams.position(), ...common }),
    findTrouble: () => (stopping ? 'stopping' : troubleOf(store)),
    checkResponses,
    ...common,
  }
  const http = await buildHttp(config, httpDeps)
  const metricsHttp = buildMetricsHttp(config, httpDeps)

  const { sessions, deviceActivity } = accounts
  sessions.onGone((device) => rooms.typing.endOf(device))
  if (runs('jobs')) {
    lifecycle.add({ name: 'room statistics', start: () => store.consumers.add(new RoomStatisticsConsumer()) })
    lifecycle.add({
      name: 'user directory',
      start: () => store.consumers.add(new UserDirectoryConsumer({ store, serverName: config.serverName })),
    })
    lifecycle.add({
      name: 'guest access',
      start: () => store.consumers.add(new GuestAccessConsumer({ clock: common.clock, jobs })),
    })
    lifecycle.add({ name: 'unread counts', start: () => store.consumers.add(unreadCountsConsumer) })
  }
  await buildSending({
    store,
    serverName,
    client: federationClient,
    health,
    policy,
    feed,
    rooms: rooms.rooms,
    index: rooms.index,
    board: rooms.board,
    typing: rooms.typingUsers,
    toDeviceSender: rooms.toDeviceSender,
    process,
    bus,
    maySend: runs('federation-out'),
    lifecycle,
    ...common,
  })
  lifecycle.add({ name: 'sessions', start: () => sessions.start(), stop: () => sessions.stop() })
  lifecycle.add({ name: 'device activity', start: () => deviceActivity.start(), stop: () => deviceActivity.stop() })
  if (runs('jobs')) lifecycle.add({ name: 'jobs', start: () => jobs.start(), stop: () => jobs.stop() })
  if (metricsHttp) {
    lifecycle.add({ name: 'metrics', start: () => metricsHttp.start(), stop: () => metricsHttp.stop() })
  }
  lifecycle.add({ name: 'being known', start: () => process.untilSeen() })
  const drainMs = bus.isShared ? DRAIN_MS : 0
  lifecycle.add({
    name: 'http',
    start: () => http.start(),
    stop: () => http.stop({ drainMs }),
    stopTimeoutMs: HTTP_STOP_MS + drainMs,
  })
  await lifecycle.start()

  await announce(config, { kind, urls: http.urls, tokens: accounts.registrationTokens, logger: common.logger })
  return {
    urls: http.urls,
    store,
    async stop() {
      stopping = true
      await lifecycle.stop()
    },
    async reload() {
      http.reloadCertificates()
    },
  }
}

/** Keeps a further process from making a key of its own, which would take the place of the one that the others sign with. */
async function requireSameKey(dataDir: string, store: Store): Promise<void> {
  const keys = await store.ownKeys.list()
  const current = keys.find(({ expiredTs }) => expiredTs === null)
  if (current === undefined || (await findSigningKey(dataDir))) return
  throw new Error(
    `${dataDir} has no signing.key, and this server signs with ${current.keyId} already: ` +
      `share the data directory of the other processes, or copy signing.key from there`,
  )
}

async function troubleOf(store: Store): Promise<string | undefined> {
  const { ok, reason } = await store.database.health()
  return ok ? undefined : (reason ?? 'the database is away')
}
