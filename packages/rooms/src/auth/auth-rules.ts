/**
 * The short rules that stand between the long ones.
 * {@link https://spec.matrix.org/v1.19/rooms/v1/#authorization-rules}
 */
import { createEventIdOf } from '../events/room-id.ts'
import { redactionTarget } from '../events/redaction.ts'
import type { AuthRule } from './auth-check.ts'
import { domainOf } from './domain.ts'
import { allow, refuse } from './verdict.ts'

/**
 * Since v12: if the event's room_id is not an event ID for an accepted (not rejected) `m.room.create` event, with the
 * sigil `!` instead of `$`, reject.
 */
export const roomIdRule: AuthRule = ({ pdu, room }) => {
  const { create } = room
  if (create === undefined || create.rejected === true) return refuse('there is no accepted create event')
  if (create.eventId !== createEventIdOf(pdu.room_id ?? '')) return refuse("the room id is not the create event's")
  return undefined
}

/**
 * Considering the event's auth_events: `checkAuthEventsOf` does that, for it is independent of the state. What is left
 * for the check against the state is that there is a create event.
 */
export const authEventsRule: AuthRule = ({ room }) =>
  room.create === undefined ? refuse('there is no create event', '4') : undefined

/**
 * If the content of the `m.room.create` event in the room state has the property `m.federate` set to `false`, and the
 * sender domain of the event does not match the sender domain of the create event, reject.
 */
export const federateRule: AuthRule = ({ pdu, room }) => {
  const create = room.create!.pdu
  if (create.content['m.federate'] !== false || domainOf(pdu.sender) === domainOf(create.sender)) return undefined
  return refuse('the room is not open to other servers')
}

/** Until v5: if type is `m.room.aliases`: */
export const aliasesRule: AuthRule = ({ pdu }) => {
  if (pdu.type !== 'm.room.aliases') return undefined
  // 1. If event has no state_key, reject.
  if (pdu.state_key === undefined) return refuse('aliases are state', '1')
  // 2. If sender's domain doesn't match state_key, reject.
  if (pdu.state_key !== domainOf(pdu.sender)) return refuse("the aliases are of another server than the sender's", '2')
  // 3. Otherwise, allow.
  return allow
}

/** If the sender's current membership state is not join, reject. */
export const senderJoinedRule: AuthRule = ({ pdu, room }) =>
  room.membershipOf(pdu.sender) === 'join' ? undefined : refuse('the sender is not in the room')

/** If type is `m.room.third_party_invite`: */
export const thirdPartyInviteRule: AuthRule = ({ pdu, room }) => {
  if (pdu.type !== 'm.room.third_party_invite') return undefined
  // 1. Allow if and only if sender's current power level is greater than or equal to the invite level.
  if (room.powerLevels.of(pdu.sender) >= room.powerLevels.level('invite')) return allow
  return refuse("the sender's power level is below the invite level", '1')
}

/** If the event type's required power level is greater than the sender's power level, reject. */
export const requiredLevelRule: AuthRule = ({ pdu, room }) => {
  const required = room.powerLevels.toSend(pdu.type, pdu.state_key === undefined ? 'message' : 'state')
  return required > room.powerLevels.of(pdu.sender) ? refuse(`sending ${pdu.type} takes level ${required}`) : undefined
}

/** If the event has a state_key that starts with an `@` and does not match the sender, reject. */
export const stateKeyOwnerRule: AuthRule = ({ pdu }) => {
  if (pdu.state_key === undefined || !pdu.state_key.startsWith('@') || pdu.state_key === pdu.sender) return undefined
  return refuse('the state key is another user')
}

/** Until v2: if type is `m.room.redaction`: */
export const redactionRule: AuthRule = ({ pdu, event, room }) => {
  if (pdu.type !== 'm.room.redaction') return undefined
  // 1. If the sender's power level is greater than or equal to the redact level, allow.
  if (room.powerLevels.of(pdu.sender) >= room.powerLevels.level('redact')) return allow
  // 2. If the domain of the event_id of the event being redacted is the same as the domain of the event_id of the
  // m.room.redaction, allow.
  const target = redactionTarget(room.version, pdu)
  if (target !== undefined && domainOf(target) === domainOf(event.eventId)) return allow
  // 3. Otherwise, reject.
  return refuse("the sender's power level is below the redact level", '3')
}
