import { isDeepStrictEqual } from 'node:util'
import { MatrixError, type JsonObject, type UserId } from '@hearth/protocol'
import type { Clock } from '@hearth/runtime'
import type { Store } from '@hearth/store'
import type { Job, JobHandler, JobProgress } from '../jobs/job.ts'
import { membershipOf } from '../rooms/membership-content.ts'
import type { Room } from '../rooms/room.ts'
import type { RoomRegistry } from '../rooms/room-registry.ts'
import type { EventSender } from '../rooms/send/event-sender.ts'
import { memberContent, memberFields } from './profile-fields.ts'

/** Rooms between two notes of the progress, and the pause after them: somebody in thousands of rooms is not the only user. */
const roomsAtATime = 20
const pauseMs = 20

/** What a job is about. */
interface Payload extends JsonObject {
  readonly userNid: number
}

/** The last room that is done, in the order of their numbers. */
interface Progress extends JsonObject {
  readonly roomNid: number
}

/**
 * Brings a user's new display name or avatar to the rooms that they are in. A further change begins anew, with what is
 * then the profile.
 * {@link https://spec.matrix.org/v1.19/client-server-api/#events-on-change-of-profile-information}
 */
export class ProfilePropagation implements JobHandler {
  static readonly kind = 'profile-propagation'
  readonly kind = ProfilePropagation.kind
  readonly #store: Store
  readonly #rooms: RoomRegistry
  readonly #sender: EventSender
  readonly #clock: Clock

  constructor(deps: { store: Store; rooms: RoomRegistry; sender: EventSender; clock: Clock }) {
    this.#store = deps.store
    this.#rooms = deps.rooms
    this.#sender = deps.sender
    this.#clock = deps.clock
  }

  async run({ payload, progress, signal }: Job, saved: JobProgress): Promise<void> {
    const { userNid } = payload as Payload
    const userId = await this.#store.users.keyOf(userNid)
    let done = (progress as Progress | undefined)?.roomNid ?? 0
    for (;;) {
      const [profile] = await this.#store.profiles.findAll([userNid])
      const content = memberContent(JSON.parse(profile?.fields ?? '{}') as JsonObject)
      const roomNids = await this.#roomsAfter(userNid, done)
      for (const roomNid of roomNids.slice(0, roomsAtATime)) {
        signal.throwIfAborted()
        const room = await this.#rooms.findByNid(roomNid)
        if (room) await this.#show(room, userId, content)
        done = roomNid
      }
      if (roomNids.length <= roomsAtATime) return
      await saved.save({ roomNid: done } satisfies Progress)
      await this.#clock.sleep(pauseMs, signal)
    }
  }

  async #roomsAfter(userNid: number, done: number): Promise<number[]> {
    const rows = await this.#store.localMemberships.listByUser(userNid)
    const left = rows.filter(({ membership, roomNid }) => membership === 'join' && roomNid > done)
    return left.map(({ roomNid }) => roomNid).sort((a, b) => a - b)
  }

  /** Sends a member event, unless the room shows the profile already. */
  async #show(room: Room, userId: UserId, profile: JsonObject): Promise<void> {
    try {
      await this.#sender.send(room, async (draft) => {
        const current = await draft.find('m.room.member', userId)
        if (!current || membershipOf(current) !== 'join') return []
        const content = { ...withoutProfile(current.pdu.content), ...profile }
        if (isDeepStrictEqual(content, current.pdu.content)) return []
        return [{ type: 'm.room.member', stateKey: userId, sender: userId, content }]
      })
    } catch (error) {
      // A room that lets its members change nothing keeps what it has. One that is busy is tried again.
      if (!(error instanceof MatrixError) || error.errcode === 'M_LIMIT_EXCEEDED') throw error
    }
  }
}

/** What of a member event is neither the profile nor about how the user came in. */
function withoutProfile(content: JsonObject): JsonObject {
  const dropped: readonly string[] = [...memberFields, 'reason', 'join_authorised_via_users_server']
  return Object.fromEntries(Object.entries(content).filter(([key]) => !dropped.includes(key)))
}
