import type { JsonObject } from '@hearth/protocol'
import { EventFilter, type EventFilterRequest } from '../events/event-filter.ts'

const defaultTimelineLimit = 10
const maxTimelineLimit = 1_000

interface FilterDefinition {
  readonly account_data?: EventFilterRequest
  readonly event_fields?: readonly string[]
  readonly event_format?: string
  readonly presence?: EventFilterRequest
  readonly room?: {
    readonly account_data?: EventFilterRequest
    readonly ephemeral?: EventFilterRequest
    readonly include_leave?: boolean
    readonly not_rooms?: readonly string[]
    readonly rooms?: readonly string[]
    readonly state?: EventFilterRequest
    readonly timeline?: EventFilterRequest
  }
}

/** What a client's filter lets through. {@link https://spec.matrix.org/v1.19/client-server-api/#filtering} */
export class SyncFilter {
  readonly accountData: EventFilter
  readonly roomAccountData: EventFilter
  readonly ephemeral: EventFilter
  readonly presence: EventFilter
  readonly state: EventFilter
  readonly timeline: EventFilter
  readonly timelineLimit: number
  /** Whether unread events are counted by thread. */
  readonly countsThreads: boolean
  readonly includeLeave: boolean
  /** Events in the form of the federation. */
  readonly federationFormat: boolean
  /** Dotted paths of the fields to keep; undefined keeps all. */
  readonly eventFields: readonly string[] | undefined
  readonly #rooms: ReadonlySet<string> | undefined
  readonly #notRooms: ReadonlySet<string>

  /** Takes a definition that has been checked; see `filters/filter-shape.ts`. */
  constructor(definition: JsonObject = {}) {
    const filter = definition as FilterDefinition
    const { room } = filter
    this.accountData = new EventFilter(filter.account_data)
    this.roomAccountData = new EventFilter(room?.account_data)
    this.presence = new EventFilter(filter.presence)
    this.ephemeral = new EventFilter(room?.ephemeral)
    this.state = new EventFilter(room?.state)
    this.timeline = new EventFilter(room?.timeline)
    this.timelineLimit = Math.min(this.timeline.limit ?? defaultTimelineLimit, maxTimelineLimit)
    this.countsThreads = room?.timeline?.unread_thread_notifications === true
    this.includeLeave = room?.include_leave === true
    this.federationFormat = filter.event_format === 'federation'
    this.eventFields = filter.event_fields
    this.#rooms = room?.rooms && new Set(room.rooms)
    this.#notRooms = new Set(room?.not_rooms)
  }

  /** Whether anything of a room is wanted. */
  matchesRoom(roomId: string): boolean {
    return !this.#notRooms.has(roomId) && (this.#rooms?.has(roomId) ?? true)
  }

  /** Whether member events are sent only for those who are seen speaking. In a sync, the filter of the state says so. */
  get lazyLoadsMembers(): boolean {
    return this.state.lazyLoadMembers
  }
}
