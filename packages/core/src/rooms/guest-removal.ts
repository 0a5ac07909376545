import { MatrixError, type RoomId } from '@hearth/protocol'
import type { Store } from '@hearth/store'
import type { Job, JobHandler, JobProgress } from '../jobs/job.ts'
import { letsGuestsIn } from './guest-access.ts'
import { membershipOf } from './membership-content.ts'
import type { RoomRegistry } from './room-registry.ts'
import type { EventSender } from './send/event-sender.ts'

/** The kind of the jobs that remove guests from a room. */
export const GUEST_REMOVAL = 'guest-removal'

/** Makes the guests of this server leave a room that does not let guests in any more. */
export class GuestRemoval implements JobHandler {
  readonly kind = GUEST_REMOVAL
  readonly #store: Store
  readonly #rooms: RoomRegistry
  readonly #sender: EventSender

  constructor(deps: { readonly store: Store; readonly rooms: RoomRegistry; readonly sender: EventSender }) {
    this.#store = deps.store
    this.#rooms = deps.rooms
    this.#sender = deps.sender
  }

  async run({ payload }: Job, progress: JobProgress): Promise<void> {
    const room = await this.#rooms.find(payload['room_id'] as RoomId)
    if (room === undefined) return
    const guests = await this.#store.localMemberships.listGuests(room.nid)
    for (const [removed, { userNid }] of guests.entries()) {
      const guest = await this.#store.users.keyOf(userNid)
      try {
        await this.#sender.send(room, async (draft) => {
          const access = await draft.find('m.room.guest_access', '')
          const member = await draft.find('m.room.member', guest)
          if (letsGuestsIn(access?.pdu.content) || membershipOf(member) !== 'join') return []
          return [{ type: 'm.room.member', stateKey: guest, sender: guest, content: { membership: 'leave' } }]
        })
      } catch (error) {
        // A room that is busy is tried again; one whose rules refuse it would refuse it forever.
        if (!(error instanceof MatrixError) || error.errcode === 'M_LIMIT_EXCEEDED') throw error
      }
      await progress.save({ removed: removed + 1, of: guests.length })
    }
  }
}
