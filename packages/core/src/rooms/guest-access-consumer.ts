import type { Clock } from '@hearth/runtime'
import { wellKnownTypes, type ConsumedPage, type StoredChange, type StreamConsumer, type Tables } from '@hearth/store'
import type { Jobs } from '../jobs/jobs.ts'
import { GUEST_REMOVAL } from './guest-removal.ts'

const GUEST_ACCESS = wellKnownTypes['m.room.guest_access']

/** Follows what rooms decide about guests, whoever has sent it, and has those removed who may not be there any more. */
export class GuestAccessConsumer implements StreamConsumer<StoredChange> {
  readonly name = 'guest-access'
  readonly startAt = 'head'
  readonly wokenBy = 'state'
  readonly stateOnly = true
  readonly #clock: Clock
  readonly #jobs: Jobs
  #asked = false

  constructor(deps: { readonly clock: Clock; readonly jobs: Jobs }) {
    this.#clock = deps.clock
    this.#jobs = deps.jobs
  }

  async handle({ changes }: ConsumedPage<StoredChange>, tx: Tables): Promise<void> {
    const roomNids = new Set<number>()
    for (const change of changes) {
      if (change.kind === 'event' && change.event.typeNid === GUEST_ACCESS) roomNids.add(change.event.roomNid)
    }
    this.#asked = roomNids.size > 0
    if (!this.#asked) return
    for (const { roomId } of await tx.rooms.findByNids([...roomNids])) {
      await tx.jobs.add({ kind: GUEST_REMOVAL, key: roomId, payload: { room_id: roomId }, now: this.#clock.now() })
    }
  }

  committed(): void {
    if (this.#asked) this.#jobs.wake()
  }
}
