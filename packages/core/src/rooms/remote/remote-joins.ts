import type { SigningKey } from '@hearth/crypto'
import { RemoteError } from '@hearth/federation-client'
import {
  forbidden,
  isJsonObject,
  MatrixError,
  notFound,
  type ErrCode,
  type EventId,
  type JsonObject,
  type JsonValue,
  type RoomId,
  type ServerName,
  type UserId,
} from '@hearth/protocol'
import { canonicalEventJson, findRoomVersion, roomVersions, type Pdu, type RoomVersion } from '@hearth/rooms'
import type { Bus } from '@hearth/queues'
import { Unavailable, type Clock, type Logger } from '@hearth/runtime'
import { RoomEntered, type Store } from '@hearth/store'
import type { Job, JobHandler, JobProgress } from '../../jobs/job.ts'
import type { Jobs } from '../../jobs/jobs.ts'
import type { OutlierIntake, OutlierRoom } from '../receive/outlier-intake.ts'
import type { PduVerifier } from '../receive/pdu-verifier.ts'
import type { ReceivedPdus } from '../receive/received-pdus.ts'
import type { VerifiedEvent } from '../receive/verified-event.ts'
import type { AdoptedRooms } from './adopted-rooms.ts'
import { NobodyMayLetIn } from '../restricted-joins.ts'
import type { JoinWithdrawals } from './join-withdrawals.ts'
import { REMOTE_JOIN, type JoiningRooms } from './joining-rooms.ts'
import { ownMemberEvent } from './own-member-event.ts'
import { ReceivedState } from './received-state.ts'
import { isRemoteFailure, refusalOf, UnusableAnswer } from './remote-refusal.ts'
import type { ResidentServers } from './resident-servers.ts'

/** A local user's wish to join a room elsewhere. */
export interface RemoteJoinRequest {
  readonly userId: UserId
  readonly roomId: RoomId
  /** The servers to ask, in this order. */
  readonly servers: readonly ServerName[]
  /** The content of the member event, without the membership. */
  readonly content: JsonObject
}

/** A join that a server has agreed to, signed by us. */
interface PreparedJoin {
  readonly server: ServerName
  readonly version: RoomVersion
  readonly event: VerifiedEvent
}

/** What a job is to do: as JSON. */
interface Wish extends RemoteJoinRequest {
  readonly version: string
  /** The server that agreed, which comes first, and what it agreed to. */
  readonly event: JsonObject
  readonly eventId: EventId
}

export interface RemoteJoinsDeps {
  readonly store: Store
  readonly servers: ResidentServers
  readonly verifier: PduVerifier
  readonly intake: OutlierIntake
  readonly adopted: AdoptedRooms
  readonly joining: JoiningRooms
  readonly withdrawals: Pick<JoinWithdrawals, 'ask' | 'forget'>
  readonly received: Pick<ReceivedPdus, 'receive'>
  readonly jobs: Jobs
  /** Over which a process says how a join has ended that somebody waits for on another. */
  readonly bus: Pick<Bus, 'onHint' | 'publish'>
  readonly serverName: ServerName
  readonly signingKey: () => SigningKey
  readonly clock: Clock
  readonly logger: Logger
}

/** How long a server may take to agree to a join, in milliseconds: a person waits, and others may be asked. */
const MAKE_JOIN_MS = 20_000
/** How long a server may take to let a user in and to tell the room's state, in milliseconds: less than a run may be silent. */
const SEND_JOIN_MS = 9 * 60_000
/** How long a request waits for a join, which goes on without it, in milliseconds. */
const WAIT_MS = 280_000
/** How often to look whether another process has ended a join, in milliseconds. */
const POLL_MS = 1_000
/** How long, and how often, to look for a join that waits for the events before it, in milliseconds. */
const STORED_MS = 60_000
const STORED_POLL_MS = 250
/** How often at most progress is written down, in milliseconds. */
const SAVE_EVERY_MS = 2_000
const endedTopic = 'join-ended'

/**
 * Joins rooms that this server is not in. A server in the room is asked first, then a job takes the room over: it
 * goes on after a restart, and there is one for each room.
 * {@link https://spec.matrix.org/v1.19/server-server-api/#joining-rooms}
 */
export class RemoteJoins implements JobHandler {
  readonly kind = REMOTE_JOIN
  readonly #deps: RemoteJoinsDeps
  /** What this process is at, from the first question to a server on, and for whom. */
  readonly #underWay = new Map<RoomId, { readonly userId: UserId; readonly run: Promise<void> }>()
  readonly #results = new Map<RoomId, PromiseWithResolvers<void>>()

  constructor(deps: RemoteJoinsDeps) {
    this.#deps = deps
    deps.bus.onHint(endedTopic, ({ room, refusal }) => {
      const result = this.#results.get(room as RoomId)
      if (refusal === undefined) result?.resolve()
      else result?.reject(refusalFrom(refusal))
    })
  }

  /**
   * Joins. When another join of the same room is under way, this one waits for its end: then the user may be in the room
   * already, or it is one that this server is in.
   *
   * @throws MatrixError what the servers refuse with, M_NOT_FOUND where none is known that is in the room.
   */
  async join(request: RemoteJoinRequest): Promise<void> {
    const { roomId, userId } = request
    const known = this.#underWay.get(roomId)
    // What another user is refused with is not for this one.
    if (known !== undefined) return this.#inTime(known.userId === userId ? known.run : known.run.catch(() => undefined))
    const run = this.#run(request).finally(() => this.#underWay.delete(roomId))
    this.#underWay.set(roomId, { userId, run })
    // Whoever waits hears of it; perhaps nobody does any more.
    run.catch(() => undefined)
    return this.#inTime(run)
  }

  async #run(request: RemoteJoinRequest): Promise<void> {
    const { store, jobs, withdrawals, clock } = this.#deps
    const { roomId, servers } = request
    if (await store.jobs.isAsked(REMOTE_JOIN, roomId)) return this.#untilDone(roomId)
    await withdrawals.forget(request)
    const errors: unknown[] = []
    const prepared = await this.#prepareAnywhere(request, servers, errors)
    if (prepared === undefined) throw refusalOf(errors) ?? notFound('No server is known that is in this room')
    const { server, version, event } = prepared
    const wish: Wish = {
      ...request,
      servers: [server, ...servers.filter((other) => other !== server)],
      version: version.id,
      event: event.event.pdu,
      eventId: event.event.eventId,
    }
    const result = Promise.withResolvers<void>()
    // A run after a restart has nobody who waits for it.
    result.promise.catch(() => undefined)
    this.#results.set(roomId, result)
    try {
      const payload = wish as unknown as JsonObject
      const isMine = await store.jobs.addUnlessAsked({ kind: REMOTE_JOIN, key: roomId, payload, now: clock.now() })
      jobs.wake()
      // The job may run on another process, and its word for the end may be lost.
      await (isMine ? Promise.race([result.promise, this.#untilDone(roomId)]) : this.#untilDone(roomId))
    } finally {
      this.#results.delete(roomId)
    }
  }

  /**
   * Joins a room that this server is in, through a server one of whose users may let the user in.
   * {@link https://spec.matrix.org/v1.19/server-server-api/#restricted-rooms}
   *
   * @throws MatrixError what the servers, or the rules of the room, refuse with.
   */
  async joinInside(request: RemoteJoinRequest): Promise<void> {
    const errors: unknown[] = []
    for (const server of request.servers) {
      try {
        return await this.#joinInsideThrough(server, request)
      } catch (error) {
        if (!isRemoteFailure(error)) throw error
        errors.push(error)
      }
    }
    throw refusalOf(errors) ?? new NobodyMayLetIn()
  }

  async #joinInsideThrough(server: ServerName, request: RemoteJoinRequest): Promise<void> {
    const { servers, received } = this.#deps
    const { version, event: own } = await this.#prepare(request, server)
    const { eventId, pdu } = own.event
    const answer = await servers.sendJoin(server, request.roomId, eventId, pdu, {
      deadlineMs: MAKE_JOIN_MS,
      ignoreBackOff: true,
      omitMembers: true,
      // This server has the state.
      onPdu: () => undefined,
    })
    const join = await this.#signedJoin(version, own, answer.event)
    const outcome = (await received.receive(server, [join.event.pdu])).get(eventId)
    if (outcome === undefined || 'reason' in outcome) throw forbidden(outcome?.reason ?? 'The join is no event')
    if (outcome.kind === 'staged') await this.#untilStored(eventId)
  }

  /** Waits for an event that lacks others before it. */
  async #untilStored(eventId: EventId): Promise<void> {
    const { store, clock } = this.#deps
    for (let waited = 0; waited < STORED_MS; waited += STORED_POLL_MS) {
      const [row] = await store.events.findByIds([eventId])
      if (row?.streamPos != null) return
      await clock.sleep(STORED_POLL_MS)
    }
    throw new MatrixError('M_UNKNOWN', 'The room is still being joined', { status: 504 })
  }

  async run(job: Job, progress: JobProgress): Promise<void> {
    const { joining, withdrawals, logger } = this.#deps
    const wish = job.payload as unknown as Wish
    const { roomId } = wish
    const asked = new Set(askedBefore(job))
    joining.begin(roomId)
    try {
      await this.#joinThroughAny(wish, asked, job, progress)
      this.#end(roomId)
    } catch (error) {
      // What passes is tried again, by this or another process; everything else is told to whoever waits.
      if (job.signal.aborted || error instanceof Unavailable) {
        this.#results
          .get(roomId)
          ?.reject(new Unavailable('the join was broken off; it goes on later', { cause: error }))
        throw error
      }
      const isRefused = error instanceof MatrixError
      if (!isRefused) logger.error('a room could not be joined', { error, roomId })
      if (asked.size > 0) await withdrawals.ask({ ...wish, servers: [...asked] })
      this.#end(roomId, error)
    }
    joining.end(roomId)
  }

  /** Tells whoever waits for a join how it has ended. */
  #end(roomId: RoomId, error?: unknown): void {
    const result = this.#results.get(roomId)
    if (error === undefined) result?.resolve()
    else result?.reject(error)
    this.#deps.bus.publish(endedTopic, { room: roomId, ...(error !== undefined && { refusal: refusalAsJson(error) }) })
  }

  /** Keeps in `asked` who may have let the user in. */
  async #joinThroughAny(wish: Wish, asked: Set<ServerName>, job: Job, progress: JobProgress): Promise<void> {
    const errors: unknown[] = []
    for (const [index, server] of wish.servers.entries()) {
      try {
        const prepared = index === 0 ? preparedOf(wish) : await this.#prepare(wish, server, job.signal)
        const report = (step: JsonObject) => progress.save({ ...step, server, asked: [...asked] })
        asked.add(server)
        await report({ step: 'joining' })
        await this.#joinThrough(prepared, wish, job.signal, report)
        return
      } catch (error) {
        job.signal.throwIfAborted()
        // Another user of this server is in it by now: the rest is not for this job.
        if (error instanceof RoomEntered) return
        if (!isRemoteFailure(error)) throw error
        if (error instanceof RemoteError && error.status < 500) asked.delete(server)
        this.#deps.logger.info('a server did not let a user join a room', { error, server, roomId: wish.roomId })
        errors.push(error)
      }
    }
    throw refusalOf(errors) ?? notFound('No server is known that is in this room')
  }

  async #prepareAnywhere(
    request: RemoteJoinRequest,
    servers: readonly ServerName[],
    errors: unknown[],
  ): Promise<PreparedJoin | undefined> {
    for (const server of servers) {
      try {
        return await this.#prepare(request, server)
      } catch (error) {
        if (!isRemoteFailure(error)) throw error
        errors.push(error)
      }
    }
    return undefined
  }

  /** Asks a server to propose a join, and completes it. */
  async #prepare(request: RemoteJoinRequest, server: ServerName, signal?: AbortSignal): Promise<PreparedJoin> {
    const { servers, serverName, signingKey, clock } = this.#deps
    const { userId, roomId, content } = request
    const { room_version: versionId, event: template } = await servers.makeJoin(
      server,
      roomId,
      userId,
      Object.keys(roomVersions),
      { deadlineMs: MAKE_JOIN_MS, ignoreBackOff: true, ...(signal && { signal }) },
    )
    const version = findRoomVersion(versionId)
    if (version === undefined) throw new UnusableAnswer(`${server} proposes a join of a room of an unknown version`)
    const built = ownMemberEvent(
      version,
      template,
      { roomId, userId, membership: 'join', content },
      { serverName, signingKey: signingKey(), now: clock.now() },
    )
    if (built === undefined) throw new UnusableAnswer(`${server} proposes a join that is none`)
    const { json, ...event } = built
    return { server, version, event: { event, json } }
  }

  async #joinThrough(
    { server, version, event: own }: PreparedJoin,
    { roomId }: Wish,
    signal: AbortSignal,
    report: (step: JsonObject) => Promise<void>,
  ): Promise<void> {
    const { servers, adopted, clock } = this.#deps
    const room = await this.#roomOf(roomId, version)
    let savedAt = clock.monotonic()
    const received = new ReceivedState(room, {
      ...this.#deps,
      fetch: (eventId) => servers.getEvent(server, eventId, { signal }),
      onProgress: async (stored, of) => {
        if (clock.monotonic() - savedAt < SAVE_EVERY_MS) return
        savedAt = clock.monotonic()
        await report({ step: 'storing', stored, of })
      },
    })
    const answer = await servers.sendJoin(server, roomId, own.event.eventId, own.event.pdu, {
      signal,
      deadlineMs: SEND_JOIN_MS,
      ignoreBackOff: true,
      onPdu: (list, pdu) => received.add(list, pdu),
    })
    if (answer.members_omitted === true) throw new UnusableAnswer(`${server} leaves out members that were asked for`)
    const join = await this.#signedJoin(version, own, answer.event)
    const state = await received.store()
    await adopted.adopt(room, join, received, state)
    if (state.dropped > 0) {
      this.#deps.logger.info('events of a joined room were not in order', { roomId, server, dropped: state.dropped })
    }
  }

  /** The join as it goes into the room: with the signature of the server that vouches for the user, where it takes one. */
  async #signedJoin(version: RoomVersion, own: VerifiedEvent, signed: JsonObject | undefined): Promise<VerifiedEvent> {
    if (own.event.pdu.content['join_authorised_via_users_server'] === undefined) return own
    const verdict = isJsonObject(signed) ? await this.#deps.verifier.verify(version, signed) : undefined
    if (!verdict?.valid || verdict.event.eventId !== own.event.eventId) {
      throw new UnusableAnswer('The server that vouches for the user has not signed the join')
    }
    return { event: verdict.event, json: verdict.json }
  }

  async #roomOf(roomId: RoomId, version: RoomVersion): Promise<OutlierRoom> {
    const { rooms } = this.#deps.store
    const row = await rooms.intern(roomId, version.id)
    if (row.version !== version.id) await rooms.setVersion(row.nid, version.id)
    const known = row.version === version.id ? row : await rooms.findByNid(row.nid)
    if (known?.version !== version.id) throw new UnusableAnswer('The room is known with another version')
    return { nid: row.nid, id: roomId, version }
  }

  /** Waits for the end of a join that another process is at. */
  async #untilDone(roomId: RoomId): Promise<void> {
    const { store, clock } = this.#deps
    for (let waited = 0; waited < WAIT_MS; waited += POLL_MS) {
      await clock.sleep(POLL_MS)
      if (!(await store.jobs.isAsked(REMOTE_JOIN, roomId))) return
    }
  }

  /** Gives a join up, which goes on without the one who waits for it. */
  async #inTime(run: Promise<void>): Promise<void> {
    const over = new AbortController()
    const tooLong = this.#deps.clock.sleep(WAIT_MS, over.signal).then(
      () => {
        throw new MatrixError('M_UNKNOWN', 'The room is still being joined', { status: 504 })
      },
      () => undefined,
    )
    try {
      await Promise.race([run, tooLong])
    } finally {
      over.abort()
    }
  }
}

function preparedOf({ servers, version, event, eventId }: Wish): PreparedJoin {
  const known = findRoomVersion(version)!
  const pdu = event as Pdu
  return {
    server: servers[0]!,
    version: known,
    event: { event: { eventId, pdu }, json: canonicalEventJson(known, pdu) },
  }
}

/** The servers that an earlier run has sent the join to. */
function askedBefore({ progress }: Job): ServerName[] {
  const asked = progress?.['asked']
  return Array.isArray(asked) ? (asked as ServerName[]) : []
}

function refusalAsJson(error: unknown): JsonObject {
  const { errcode, message, status, fields } =
    error instanceof MatrixError ? error : new MatrixError('M_UNKNOWN', 'The room could not be joined')
  return { errcode, message, status, fields: fields as JsonObject }
}

function refusalFrom(refusal: JsonValue): MatrixError {
  const { errcode, message, status, fields } = isJsonObject(refusal) ? refusal : {}
  return new MatrixError(
    typeof errcode === 'string' ? (errcode as ErrCode) : 'M_UNKNOWN',
    typeof message === 'string' ? message : 'The room could not be joined',
    { ...(typeof status === 'number' && { status }), ...(isJsonObject(fields) && { fields }) },
  )
}
