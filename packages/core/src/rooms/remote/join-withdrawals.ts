import { RemoteError } from '@hearth/federation-client'
import type { JsonObject, RoomId, ServerName, UserId } from '@hearth/protocol'
import { findRoomVersion } from '@hearth/rooms'
import type { Logger } from '@hearth/runtime'
import type { NewJob, Store } from '@hearth/store'
import type { Job, JobHandler, JobProgress } from '../../jobs/job.ts'
import type { Jobs } from '../../jobs/jobs.ts'
import type { JoiningRooms } from './joining-rooms.ts'
import { leaveThrough, type RemoteLeaveDeps } from './leave-through.ts'
import { isRemoteFailure, UnusableAnswer } from './remote-refusal.ts'

/** A join that came to nothing here, though servers may have let the user in. */
export interface WithdrawnJoin {
  readonly userId: UserId
  readonly roomId: RoomId
  readonly version: string
  /** The servers that were sent the join and have not refused it. */
  readonly servers: readonly ServerName[]
}

export interface JoinWithdrawalsDeps extends RemoteLeaveDeps {
  readonly store: Store
  readonly joining: Pick<JoiningRooms, 'has'>
  readonly jobs: Pick<Jobs, 'wake'>
  readonly logger: Logger
}

/** What a job is to do: as JSON. */
interface Withdrawal extends WithdrawnJoin {
  /** When the join came to nothing, in milliseconds since the epoch. */
  readonly since: number
}

const kind = 'join-withdrawal'
/** How long a server may take, in milliseconds. */
const LEAVE_MS = 20_000
/** A server that cannot be reached is tried again after as long as it has been tried for, within these bounds. */
const AGAIN_MS = { min: 10_000, max: 60 * 60_000 }
/** For how long a server is tried, in milliseconds. */
const GIVE_UP_MS = 7 * 24 * 60 * 60_000

/**
 * Takes joins back that servers may have agreed to but that came to nothing here, because what they told of the room could
 * not be used: otherwise the others in the room would see a member of whom this server knows nothing.
 */
export class JoinWithdrawals implements JobHandler {
  readonly kind = kind
  readonly #deps: JoinWithdrawalsDeps

  constructor(deps: JoinWithdrawalsDeps) {
    this.#deps = deps
  }

  /** Has a join taken back. */
  async ask(join: WithdrawnJoin): Promise<void> {
    const { store, jobs, clock } = this.#deps
    const now = clock.now()
    await store.jobs.add(jobOf({ ...join, since: now }, now))
    jobs.wake()
  }

  /** The user wishes to be in the room again: nothing is to be taken back any more. */
  async forget({ roomId, userId }: Pick<WithdrawnJoin, 'roomId' | 'userId'>): Promise<void> {
    await this.#deps.store.jobs.remove(kind, keyOf({ roomId, userId }))
  }

  async run({ payload, signal }: Job, progress: JobProgress): Promise<void> {
    const { store, joining, clock, logger } = this.#deps
    const withdrawal = payload as unknown as Withdrawal
    const { roomId, since, servers } = withdrawal
    if (await this.#isInside(roomId)) return
    // Another user's join may yet succeed; then this server knows of the member.
    const left = (await joining.has(roomId)) ? servers : await this.#leaveThroughAll(withdrawal, signal)
    if (left.length === 0) return
    const now = clock.now()
    if (now - since > GIVE_UP_MS) {
      logger.warn('servers could not be told that a join came to nothing', { roomId, servers: left })
      return
    }
    const waitMs = Math.min(Math.max(now - since, AGAIN_MS.min), AGAIN_MS.max)
    await store.transaction(async (tx) => {
      // Unless the user wishes to be in the room again meanwhile.
      await progress.save({}, tx)
      await tx.jobs.add(jobOf({ ...withdrawal, servers: left }, now, now + waitMs))
    })
  }

  /** Gives the servers that could not be asked. */
  async #leaveThroughAll(withdrawal: Withdrawal, signal: AbortSignal): Promise<ServerName[]> {
    const { roomId, userId, servers } = withdrawal
    const version = findRoomVersion(withdrawal.version)!
    // How often to try is decided here.
    const options = { deadlineMs: LEAVE_MS, ignoreBackOff: true }
    const left: ServerName[] = []
    for (const server of servers) {
      signal.throwIfAborted()
      try {
        await leaveThrough(server, { roomId, userId, version, content: {} }, options, this.#deps)
      } catch (error) {
        if (!isRemoteFailure(error)) throw error
        this.#deps.logger.info('a server was not told that a join came to nothing', { error, server, roomId })
        if (!isAnswer(error)) left.push(server)
      }
    }
    return left
  }

  async #isInside(roomId: RoomId): Promise<boolean> {
    const { store, serverName } = this.#deps
    const room = await store.rooms.find(roomId)
    if (room === undefined) return false
    const place = await store.roomServers.find(room.nid, await store.servers.intern(serverName))
    return place !== undefined && place.joined > 0
  }
}

function jobOf(withdrawal: Withdrawal, now: number, runAfterTs = now): NewJob {
  return { kind, key: keyOf(withdrawal), payload: withdrawal as unknown as JsonObject, now, runAfterTs }
}

function keyOf({ roomId, userId }: Pick<WithdrawnJoin, 'roomId' | 'userId'>): string {
  return `${roomId} ${userId}`
}

/** Whether a server has said what it has to say: that the user is not in the room, or nonsense. */
function isAnswer(error: unknown): boolean {
  return error instanceof UnusableAnswer || (error instanceof RemoteError && error.status < 500 && error.status !== 429)
}
