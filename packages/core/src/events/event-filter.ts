import type { RoomEvent } from '@hearth/rooms'

/** The part of a filter that chooses events, as clients write it. */
export interface EventFilterRequest {
  readonly limit?: number | undefined
  readonly types?: readonly string[] | undefined
  readonly not_types?: readonly string[] | undefined
  readonly senders?: readonly string[] | undefined
  readonly not_senders?: readonly string[] | undefined
  readonly rooms?: readonly string[] | undefined
  readonly not_rooms?: readonly string[] | undefined
  readonly contains_url?: boolean | undefined
  readonly lazy_load_members?: boolean | undefined
  readonly include_redundant_members?: boolean | undefined
  readonly unread_thread_notifications?: boolean | undefined
  readonly related_by_senders?: readonly string[] | undefined
  readonly related_by_rel_types?: readonly string[] | undefined
}

/** What an event's children must be like for it to be wanted: one child of one of the senders and of one of the types. */
export interface RelatedBy {
  readonly senders: readonly string[] | undefined
  readonly relTypes: readonly string[] | undefined
}

/**
 * Chooses events by type, sender, room and whether they carry a URL.
 * {@link https://spec.matrix.org/v1.19/client-server-api/#filtering}
 */
export class EventFilter {
  readonly lazyLoadMembers: boolean
  readonly includeRedundantMembers: boolean
  readonly limit: number | undefined
  /** Undefined where it does not matter what relates to an event. */
  readonly relatedBy: RelatedBy | undefined
  readonly #types: readonly TypePattern[] | undefined
  readonly #notTypes: readonly TypePattern[]
  readonly #senders: ReadonlySet<string> | undefined
  readonly #notSenders: ReadonlySet<string>
  readonly #rooms: ReadonlySet<string> | undefined
  readonly #notRooms: ReadonlySet<string>
  readonly #containsUrl: boolean | undefined

  constructor(request: EventFilterRequest = {}) {
    this.limit = request.limit
    this.lazyLoadMembers = request.lazy_load_members === true
    this.includeRedundantMembers = request.include_redundant_members === true
    const { related_by_senders: senders, related_by_rel_types: relTypes } = request
    this.relatedBy = senders || relTypes ? { senders, relTypes } : undefined
    this.#types = request.types?.map(typePattern)
    this.#notTypes = (request.not_types ?? []).map(typePattern)
    this.#senders = request.senders && new Set(request.senders)
    this.#notSenders = new Set(request.not_senders)
    this.#rooms = request.rooms && new Set(request.rooms)
    this.#notRooms = new Set(request.not_rooms)
    this.#containsUrl = request.contains_url
  }

  /** True when every event passes that is of a room that passes. */
  get isOpen(): boolean {
    const restrictsTypes = this.#types !== undefined || this.#notTypes.length > 0
    const restrictsSenders = this.#senders !== undefined || this.#notSenders.size > 0
    return !restrictsTypes && !restrictsSenders && this.#containsUrl === undefined && !this.relatedBy
  }

  /** Whether an event passes, as far as that does not depend on its room, nor on what relates to it. */
  matches(event: RoomEvent): boolean {
    const { type, sender, content } = event.pdu
    if (!this.matchesType(type) || !this.matchesSender(sender)) return false
    return this.#containsUrl === undefined || (typeof content['url'] === 'string') === this.#containsUrl
  }

  matchesType(type: string): boolean {
    if (this.#notTypes.some((pattern) => pattern(type))) return false
    return this.#types?.some((pattern) => pattern(type)) ?? true
  }

  matchesSender(sender: string): boolean {
    return !this.#notSenders.has(sender) && (this.#senders?.has(sender) ?? true)
  }

  matchesRoom(roomId: string): boolean {
    return !this.#notRooms.has(roomId) && (this.#rooms?.has(roomId) ?? true)
  }
}

type TypePattern = (type: string) => boolean

/** `*` stands for any run of characters. Pieces are looked for one after the other: linear, whatever the pattern. */
function typePattern(pattern: string): TypePattern {
  const pieces = pattern.split('*')
  if (pieces.length === 1) return (type) => type === pattern
  const first = pieces[0]!
  const last = pieces.at(-1)!
  const middle = pieces.slice(1, -1).filter((piece) => piece !== '')
  return (type) => {
    if (type.length < first.length + last.length || !type.startsWith(first) || !type.endsWith(last)) return false
    let at = first.length
    for (const piece of middle) {
      at = type.indexOf(piece, at)
      if (at < 0) return false
      at += piece.length
    }
    return at <= type.length - last.length
  }
}
