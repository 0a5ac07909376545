import { isJsonObject, type JsonObject, type JsonValue } from '@hearth/protocol'
import { strip } from '../../sync/stripped-state.ts'
import type { Pdu } from '@hearth/rooms'

/** The most events that a server may tell of a room with an invitation or a knock. */
export const maxOutsideState = 100

/**
 * What clients get of the events that another server told of a room: each stripped, whether it came whole or stripped.
 * What is no state event is left out.
 * {@link https://spec.matrix.org/v1.19/client-server-api/#stripped-state}
 */
export function strippedOf(told: readonly JsonValue[]): JsonObject[] {
  return told.slice(0, maxOutsideState).flatMap((event) => (isStateEvent(event) ? [strip({ pdu: event })] : []))
}

function isStateEvent(value: JsonValue): value is Pdu {
  if (!isJsonObject(value) || !isJsonObject(value['content'])) return false
  return ['type', 'state_key', 'sender'].every((key) => typeof value[key] === 'string')
}
