import { MatrixError, type UserId } from '@hearth/protocol'
import type { Clock } from '@hearth/runtime'
import type { Store } from '@hearth/store'
import type { Job, JobHandler } from '../../jobs/job.ts'
import type { Jobs } from '../../jobs/jobs.ts'
import type { Room } from '../room.ts'
import type { RoomRegistry } from '../room-registry.ts'
import type { EventSender } from '../send/event-sender.ts'

/** The type of the events that do nothing but follow others. No client is shown them. */
export const DUMMY_EVENT = 'org.matrix.dummy_event'

const DUMMY_EVENTS = 'dummy-events'
/** With more forward extremities than these, a room's forks are joined; each costs work with every event. */
const maxExtremities = 10
/** How long to wait for an event of somebody that joins them anyway, in milliseconds. */
const patienceMs = 5_000
/** Users in whose name it is tried. */
const maxSenders = 20
/** An event joins twenty forks at most. */
const maxRounds = 20

/** Keeps the number of a room's forward extremities bounded: a user of this server sends an event that follows them. */
export class DummyEvents implements JobHandler {
  readonly kind = DUMMY_EVENTS
  readonly #deps: {
    readonly store: Store
    readonly rooms: RoomRegistry
    readonly sender: EventSender
    readonly jobs: Jobs
    readonly clock: Clock
  }
  /** Rooms for which a job was asked that has not run. */
  readonly #asked = new Set<number>()

  constructor(deps: { store: Store; rooms: RoomRegistry; sender: EventSender; jobs: Jobs; clock: Clock }) {
    this.#deps = deps
  }

  /** Looks at a room whose forward extremities have changed; asks for a job where there are too many. */
  async consider({ nid, head }: Room): Promise<void> {
    if (head.extremities.length <= maxExtremities || this.#asked.has(nid)) return
    this.#asked.add(nid)
    const { store, jobs, clock } = this.#deps
    const now = clock.now()
    try {
      const payload = { room_nid: nid }
      await store.jobs.add({ kind: DUMMY_EVENTS, key: `${nid}`, payload, now, runAfterTs: now + patienceMs })
      jobs.wake()
    } catch {
      // The next event of the room asks again.
      this.#asked.delete(nid)
    }
  }

  async run({ payload }: Job): Promise<void> {
    const roomNid = payload['room_nid'] as number
    this.#asked.delete(roomNid)
    for (let round = 0; round < maxRounds; round++) {
      const room = await this.#deps.rooms.findByNid(roomNid)
      if (!room || room.head.extremities.length <= maxExtremities) return
      if (!(await this.#send(room))) return
    }
  }

  /** Whether somebody could send the event. */
  async #send(room: Room): Promise<boolean> {
    const { store, sender } = this.#deps
    const members = await store.localMemberships.listByRoom(room.nid, ['join'])
    for (const { userNid } of members.slice(0, maxSenders)) {
      const userId: UserId = await store.users.keyOf(userNid)
      try {
        await sender.sendOne(room, () => [{ type: DUMMY_EVENT, sender: userId, content: {} }])
        return true
      } catch (error) {
        // Somebody else may be allowed to.
        if (!(error instanceof MatrixError) || error.errcode !== 'M_FORBIDDEN') throw error
      }
    }
    return false
  }
}
