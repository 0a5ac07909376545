import type { JsonObject } from '@hearth/protocol'

/** Below which the endpoints for relations in a room are. */
export function v1Room(roomId: string): string {
  return `/_matrix/client/v1/rooms/${encodeURIComponent(roomId)}`
}

export function edit(eventId: string, body: string): JsonObject {
  return {
    msgtype: 'm.text',
    body: `* ${body}`,
    'm.new_content': { msgtype: 'm.text', body },
    'm.relates_to': { rel_type: 'm.replace', event_id: eventId },
  }
}

/** A message in a thread. */
export function reply(rootId: string, body: string): JsonObject {
  return { msgtype: 'm.text', body, 'm.relates_to': { rel_type: 'm.thread', event_id: rootId } }
}

export function reaction(eventId: string, key: string): JsonObject {
  return { 'm.relates_to': { rel_type: 'm.annotation', event_id: eventId, key } }
}

export function reference(eventId: string): JsonObject {
  return { 'm.relates_to': { rel_type: 'm.reference', event_id: eventId } }
}

/** What came bundled with an event. */
export function bundled(event: JsonObject): JsonObject {
  return ((event['unsigned'] as JsonObject | undefined)?.['m.relations'] ?? {}) as JsonObject
}
