import type { JsonObject } from '@hearth/protocol'

const liftedKeys = ['age', 'prev_content', 'replaces_state', 'redacted_because', 'invite_room_state']

/**
 * An event in the form of the founding API: `user_id` beside `sender`, and what today stands in `unsigned` at the top.
 * It takes a client event of today's form.
 */
export function legacyEvent(event: JsonObject): JsonObject {
  const unsigned = event['unsigned'] as JsonObject | undefined
  const lifted: JsonObject = {}
  for (const key of liftedKeys) if (unsigned?.[key] !== undefined) lifted[key] = unsigned[key]
  const because = lifted['redacted_because'] as JsonObject | undefined
  if (because) lifted['redacted_because'] = legacyEvent(because)
  // A membership's name stood at the top of member events.
  const content = event['content'] as JsonObject
  const membership = event['type'] === 'm.room.member' ? { membership: content['membership'] } : {}
  return { ...event, ...lifted, ...membership, user_id: event['sender'] }
}
