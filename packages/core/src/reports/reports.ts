import { MatrixError, notFound, serverOf, type EventId, type RoomId, type UserId } from '@hearth/protocol'
import type { Clock } from '@hearth/runtime'
import type { NewReport, Store } from '@hearth/store'
import type { Requester } from '../requester.ts'
import type { RoomAccess } from '../rooms/room-access.ts'
import type { RoomRegistry } from '../rooms/room-registry.ts'
import { userLimitExceeded } from '../user-limit-exceeded.ts'

const MAX_REASON_BYTES = 8 * 1024
const MAX_PER_USER = 1_000

/**
 * Takes down what users report to the administrators.
 * {@link https://spec.matrix.org/v1.19/client-server-api/#reporting-content}
 */
export class Reports {
  readonly #store: Store
  readonly #rooms: RoomRegistry
  readonly #access: RoomAccess
  readonly #serverName: string
  readonly #clock: Clock

  constructor(deps: { store: Store; rooms: RoomRegistry; access: RoomAccess; serverName: string; clock: Clock }) {
    this.#store = deps.store
    this.#rooms = deps.rooms
    this.#access = deps.access
    this.#serverName = deps.serverName
    this.#clock = deps.clock
  }

  /**
   * Reports an event of a room that the requester is joined to.
   *
   * @throws MatrixError M_NOT_FOUND where there is no such event or the requester is not joined: the answers do not differ;
   *   M_TOO_LARGE, M_USER_LIMIT_EXCEEDED.
   */
  async reportEvent(requester: Requester, roomId: RoomId, eventId: EventId, reason: string): Promise<void> {
    const room = await this.#rooms.find(roomId)
    const isJoined = room && (await this.#access.membershipOf(room, requester.userId)) === 'join'
    const [event] = isJoined ? await this.#store.events.findByIds([eventId]) : []
    if (!event || event.roomNid !== room?.nid || event.streamPos === null) {
      throw notFound('There is no such event, or you are not in the room')
    }
    await this.#add(requester, { roomNid: room.nid, eventNid: event.nid, reason })
  }

  /** Reports a room. @throws MatrixError M_NOT_FOUND for an unknown room, M_TOO_LARGE, M_USER_LIMIT_EXCEEDED. */
  async reportRoom(requester: Requester, roomId: RoomId, reason: string): Promise<void> {
    const room = await this.#rooms.get(roomId)
    await this.#add(requester, { roomNid: room.nid, reason })
  }

  /**
   * Reports a user who has an account here, or of another server if this one has come across them.
   *
   * @throws MatrixError M_NOT_FOUND for an unknown user, M_TOO_LARGE, M_USER_LIMIT_EXCEEDED.
   */
  async reportUser(requester: Requester, userId: UserId, reason: string): Promise<void> {
    const userNid = await this.#store.users.find(userId)
    const isLocal = serverOf(userId) === this.#serverName
    if (userNid === undefined || (isLocal && !(await this.#store.accounts.find(userNid)))) {
      throw notFound('There is no such user')
    }
    await this.#add(requester, { userNid, reason })
  }

  async #add(requester: Requester, report: Omit<NewReport, 'reporterNid' | 'receivedTs'>): Promise<void> {
    if (Buffer.byteLength(report.reason) > MAX_REASON_BYTES) {
      throw new MatrixError('M_TOO_LARGE', `A reason may have at most ${MAX_REASON_BYTES} bytes`)
    }
    const whole = { ...report, reporterNid: requester.userNid, receivedTs: this.#clock.now() }
    if (!(await this.#store.reports.add(whole, MAX_PER_USER))) {
      throw userLimitExceeded('You have reported as much as a user may')
    }
  }
}
