// What a filter may look like. Filters come as bodies, in a query parameter of sync, and in one of messages and context:
// the same check serves all three.
// https://spec.matrix.org/v1.19/client-server-api/#filtering
import { badJson, isJsonObject, isRoomId, isUserId, type JsonObject, type JsonValue } from '@hearth/protocol'
import { EventFilter, type EventFilterRequest } from '../events/event-filter.ts'
import { SyncFilter } from '../sync/sync-filter.ts'

/** Checks a value at a path; throws M_BAD_JSON. */
type Check = (value: JsonValue, path: string) => void

// Longer lists than any client needs would make every sync slow.
const MAX_ITEMS = 1_000

const boolean: Check = (value, path) => mustBe(typeof value === 'boolean', path, 'a boolean')
// The specification wants a limit of more than 0, which clients do not always respect.
const limit: Check = (value, path) =>
  mustBe(Number.isSafeInteger(value) && Number(value) >= 0, path, 'a number of events')
const strings = listOf((item) => typeof item === 'string', 'strings')
const userIds = listOf((item) => typeof item === 'string' && isUserId(item), 'user ids')
const roomIds = listOf((item) => typeof item === 'string' && isRoomId(item), 'room ids')
const format: Check = (value, path) =>
  mustBe(value === 'client' || value === 'federation', path, 'client or federation')

const eventFilterShape = { limit, not_senders: userIds, not_types: strings, senders: userIds, types: strings }

const roomEventFilterShape = {
  ...eventFilterShape,
  contains_url: boolean,
  include_redundant_members: boolean,
  lazy_load_members: boolean,
  not_rooms: roomIds,
  related_by_rel_types: strings,
  related_by_senders: userIds,
  rooms: roomIds,
  unread_thread_notifications: boolean,
}

const roomFilterShape = {
  account_data: objectWith(roomEventFilterShape),
  ephemeral: objectWith(roomEventFilterShape),
  include_leave: boolean,
  not_rooms: roomIds,
  rooms: roomIds,
  state: objectWith(roomEventFilterShape),
  timeline: objectWith(roomEventFilterShape),
}

const checkSyncFilter = objectWith({
  account_data: objectWith(eventFilterShape),
  event_fields: strings,
  event_format: format,
  presence: objectWith(eventFilterShape),
  room: objectWith(roomFilterShape),
})

const checkRoomEventFilter = objectWith(roomEventFilterShape)

/** The filter of a sync. @throws MatrixError M_BAD_JSON for what is none. */
export function syncFilter(definition: JsonValue): SyncFilter {
  checkSyncFilter(definition, 'filter')
  return new SyncFilter(definition as JsonObject)
}

/** The filter of messages and context. @throws MatrixError M_BAD_JSON for what is none. */
export function roomEventFilter(definition: JsonValue): EventFilter {
  checkRoomEventFilter(definition, 'filter')
  return new EventFilter(definition as EventFilterRequest)
}

/** Other keys are let through: they may come from a later version of the specification. */
function objectWith(shape: Readonly<Record<string, Check>>): Check {
  const entries = Object.entries(shape)
  return (value, path) => {
    if (!isJsonObject(value)) return mustBe(false, path, 'an object')
    for (const [key, check] of entries) {
      const member = Object.hasOwn(value, key) ? value[key] : undefined
      if (member !== undefined) check(member, `${path}.${key}`)
    }
  }
}

function listOf(isItem: (item: JsonValue) => boolean, what: string): Check {
  return (value, path) => {
    const isList = Array.isArray(value) && value.length <= MAX_ITEMS && value.every(isItem)
    mustBe(isList, path, `a list of at most ${MAX_ITEMS} ${what}`)
  }
}

function mustBe(holds: boolean, path: string, what: string): void {
  if (!holds) throw badJson(`${path} is not ${what}`)
}
