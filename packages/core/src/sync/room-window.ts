import { StateMap, type Store } from '@hearth/store'
import type { EventFilter } from '../events/event-filter.ts'
import type { PresentedEvent } from '../events/presented-event.ts'
import type { Requester } from '../requester.ts'
import type { EventPresenter } from '../rooms/event-presenter.ts'
import type { Room } from '../rooms/room.ts'
import { minPosition, type TimelineScanner } from '../rooms/timeline-scan.ts'
import type { RoomWatch } from './room-watch.ts'

/** The newest events of a stretch of a room's timeline. */
export interface Window {
  /** Oldest first. */
  readonly events: readonly PresentedEvent[]
  /** Whether there is more of the stretch before the first event. */
  readonly isLimited: boolean
  /** The position just before the first event: where paging back goes on. */
  readonly start: number
  /** Whether state may have changed between the first and the end of the stretch otherwise than by its events. */
  readonly hasHoles: boolean
}

export interface WindowRequest {
  readonly room: Room
  readonly watch: RoomWatch | undefined
  /** Exclusive; undefined for the beginning of the room. */
  readonly after: number | undefined
  /** Inclusive. */
  readonly upTo: number
  readonly limit: number
  readonly filter: EventFilter
  /** The user was joined all the time: nothing needs judging. */
  readonly wasJoined: boolean
}

/** Reads the ends of room timelines and the states that go with them. */
export class RoomWindows {
  readonly #store: Store
  readonly #scanner: TimelineScanner
  readonly #presenter: EventPresenter

  constructor(deps: { store: Store; scanner: TimelineScanner; presenter: EventPresenter }) {
    this.#store = deps.store
    this.#scanner = deps.scanner
    this.#presenter = deps.presenter
  }

  /** The windows of several rooms, with few queries together. */
  async readAll(requester: Requester, requests: readonly WindowRequest[]): Promise<Window[]> {
    const scans = await this.#scanner.scanAll(
      requests.map(({ room, watch, after = minPosition, upTo, limit, filter, wasJoined }) => ({
        room,
        userId: requester.userId,
        after,
        upTo,
        direction: 'b',
        // One more than wanted tells whether there are more.
        limit: limit + 1,
        filter,
        recent: watch?.timeline,
        wasJoined,
        // What is missing may be fetched by who pages back; until then nobody may take one side for the end of the other.
        stopsAtGaps: true,
      })),
    )
    const shown = scans.map((scan, index) => ({ ...scan, events: scan.events.slice(0, requests[index]!.limit) }))
    const presented = await this.#presenter.present(requester, shown)
    return scans.map((scan, index) => {
      const events = presented[index]!.toReversed()
      return {
        events,
        isLimited: !scan.isExhausted || scan.events.length > events.length,
        start: events[0] ? events[0].pos - 1 : requests[index]!.upTo,
        // Of forks the state has changes that no event of the timeline makes.
        hasHoles: scan.hasHoles || events.some(({ currentStateNid }) => currentStateNid !== undefined),
      }
    })
  }

  /** The state of the room after everything up to a position; empty before its first event. */
  async stateAt(room: Room, watch: RoomWatch | undefined, position: number): Promise<StateMap> {
    if (position >= room.head.lastPos) return room.head.state
    const known = watch?.timeline.stateNidAt(position)
    if (known === room.head.stateNid) return room.head.state
    if (known !== undefined) return this.#store.states.load(room.nid, known)
    const range = { after: minPosition, upTo: position, direction: 'b', limit: 1 } as const
    const [row] = await this.#store.events.listRoomEvents(room.nid, range)
    return row ? this.#store.states.load(room.nid, row.currentStateNid ?? row.stateNid!) : StateMap.empty
  }

  /** Looks up together what {@link stateBefore} takes for the first events of windows. */
  async prepareStatesBefore(requests: readonly { readonly room: Room }[], windows: readonly Window[]): Promise<void> {
    const firsts = windows.flatMap(({ events: [first] }, index) => {
      const isUnknown = first?.stateBeforeNid === undefined && first?.currentStateNid === undefined
      return first && isUnknown ? [{ roomNid: requests[index]!.room.nid, nid: first.nid }] : []
    })
    await this.#store.states.findBases(firsts)
  }

  /** The state of the room just before an event of its timeline. */
  async stateBefore(
    room: Room,
    watch: RoomWatch | undefined,
    { pos, nid, stateBeforeNid, currentStateNid }: PresentedEvent,
  ): Promise<StateMap> {
    if (currentStateNid !== undefined) return this.stateAt(room, watch, pos - 1)
    if (stateBeforeNid === undefined) return this.#store.states.loadBefore(room.nid, nid)
    return stateBeforeNid === room.head.stateNid ? room.head.state : this.#store.states.load(room.nid, stateBeforeNid)
  }
}
