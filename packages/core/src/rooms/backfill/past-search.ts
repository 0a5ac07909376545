import type { FederationClient } from '@hearth/federation-client'
import type { EventId, ServerName } from '@hearth/protocol'
import type { Clock } from '@hearth/runtime'
import type { Store } from '@hearth/store'
import { isRemoteFailure } from '../../remote-lookups/remote-refusal.ts'
import { findByTime } from '../find-by-time.ts'
import type { Room } from '../room.ts'
import type { Backfill } from './backfill.ts'

/** A time in milliseconds since the epoch, and whether the first event from then on or the last one up to then is wanted. */
export interface TimeQuery {
  readonly ts: number
  readonly direction: 'b' | 'f'
  /** The last position that may be read. */
  readonly upTo: number
}

const maxServersAsked = 3
const askMs = 5_000
/** How long it may take to fetch everything up to the event that was found. */
const reachMs = 10_000

/** Finds events by their time in what is missing of a room, and fetches them. */
export class PastSearch {
  readonly #client: Pick<FederationClient, 'timestampToEvent'>
  readonly #backfill: Backfill
  readonly #store: Store
  readonly #serverName: string
  readonly #clock: Clock

  constructor(deps: {
    federationClient: Pick<FederationClient, 'timestampToEvent'>
    backfill: Backfill
    store: Store
    serverName: string
    clock: Clock
  }) {
    this.#client = deps.federationClient
    this.#backfill = deps.backfill
    this.#store = deps.store
    this.#serverName = deps.serverName
    this.#clock = deps.clock
  }

  /**
   * Fetches what is missing around a time, if another server has an event there that is closer than what is stored.
   *
   * @returns whether there is more than before.
   */
  async fetch(room: Room, query: TimeQuery): Promise<boolean> {
    if (!(await this.#isNextToGap(room, query))) return false
    const eventId = await this.#ask(room, query)
    if (eventId === undefined) return false
    const endsAt = this.#clock.monotonic() + reachMs
    let isFuller = false
    for (;;) {
      const [row] = await this.#store.events.findByIds([eventId])
      const left = endsAt - this.#clock.monotonic()
      if (row?.stateNid != null || left <= 0) return isFuller
      const { open } = await this.#backfill.missingOf(room)
      const filled = [...open].map(([gap, extremities]) => this.#backfill.fill(room, gap, extremities, left))
      if (!(await Promise.all(filled)).includes(true)) return isFuller
      isFuller = true
    }
  }

  /** Whether something is missing right before the first stored event from the time on. */
  async #isNextToGap(room: Room, { ts, upTo }: TimeQuery): Promise<boolean> {
    const { open } = await this.#backfill.missingOf(room)
    if (open.size === 0) return false
    const children = new Set([...open.values()].flatMap((extremities) => extremities.map(({ child }) => child)))
    const next = await findByTime(this.#store, room, { ts, upTo, direction: 'f' }, ([first]) => Promise.resolve(first))
    return next !== undefined && children.has(next.eventId)
  }

  async #ask(room: Room, { ts, direction }: TimeQuery): Promise<EventId | undefined> {
    const servers = (await this.#store.roomServers.listJoined(room.nid)).filter((name) => name !== this.#serverName)
    for (const server of servers.slice(0, maxServersAsked) satisfies readonly ServerName[]) {
      try {
        const query = { ts, dir: direction }
        return (await this.#client.timestampToEvent(server, room.id, query, { deadlineMs: askMs })).event_id
      } catch (error) {
        if (!isRemoteFailure(error)) throw error
      }
    }
    return undefined
  }
}
