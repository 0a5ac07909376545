import { MatrixError, type UserId } from '@hearth/protocol'
import type { Logger } from '@hearth/runtime'
import type { Membership, Store } from '@hearth/store'
import type { Job, JobHandler, JobProgress } from '../jobs/job.ts'
import type { LocalUser } from '../requester.ts'
import type { MembershipAnywhere } from '../rooms/remote/membership-anywhere.ts'

/** The kind of the jobs that make users leave all their rooms. */
export const LEAVE_ROOMS = 'leave-rooms'

const present: readonly Membership[] = ['join', 'invite', 'knock']

/** Makes the user of a closed account leave all rooms, one after the other. The rooms left are its progress. */
export class LeaveRooms implements JobHandler {
  readonly kind = LEAVE_ROOMS
  readonly #store: Store
  readonly #membership: MembershipAnywhere
  readonly #logger: Logger

  constructor(deps: { readonly store: Store; readonly membership: MembershipAnywhere; readonly logger: Logger }) {
    this.#store = deps.store
    this.#membership = deps.membership
    this.#logger = deps.logger
  }

  async run({ payload }: Job, progress: JobProgress): Promise<void> {
    const { user_id: userId, user_nid: userNid } = payload as { user_id: UserId; user_nid: number }
    const rows = await this.#store.localMemberships.listByUser(userNid)
    const roomNids = rows.filter(({ membership }) => present.includes(membership)).map(({ roomNid }) => roomNid)
    for (const [left, roomNid] of roomNids.entries()) {
      await this.#leave({ userId, userNid, isGuest: false }, roomNid)
      await progress.save({ left: left + 1, of: roomNids.length })
    }
  }

  async #leave(requester: LocalUser, roomNid: number): Promise<void> {
    const room = await this.#store.rooms.findByNid(roomNid)
    if (room === undefined) return
    try {
      await this.#membership.leave({ requester, roomId: room.roomId })
    } catch (error) {
      // A room that is busy is tried again with the rest; one whose rules refuse it would refuse it forever.
      if (!(error instanceof MatrixError) || error.errcode === 'M_LIMIT_EXCEEDED') throw error
      this.#logger.warn('a room does not let the user of a closed account go', { error, roomId: room.roomId })
    }
  }
}
