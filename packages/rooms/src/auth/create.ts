/**
 * The rule for `m.room.create`, rule 1 in all room versions.
 * {@link https://spec.matrix.org/v1.19/rooms/v12/#authorization-rules}
 */
import { isUserId } from '@hearth/protocol'
import { findRoomVersion, type CreateRuleName } from '../room-versions.ts'
import type { AuthRule } from './auth-check.ts'
import { domainOf } from './domain.ts'
import { allow, firstVerdict, refuse } from './verdict.ts'

/** If type is `m.room.create`: */
export const createRule: AuthRule = (check) => {
  if (check.pdu.type !== 'm.room.create') return undefined
  return firstVerdict(check.room.version.authRules.create, createRules, check) ?? allow
}

const createRules: Readonly<Record<CreateRuleName, AuthRule>> = {
  // If it has any prev_events, reject.
  'no-previous-events': ({ pdu }) => {
    if (pdu.prev_events.length > 0) return refuse('the create event has previous events')
    return undefined
  },

  // Until v11: if the domain of the room_id does not match the domain of the sender, reject.
  'room-id-of-sender-domain': ({ pdu }) => {
    if (domainOf(pdu.room_id ?? '') !== domainOf(pdu.sender)) return refuse("the room id is not of the sender's server")
    return undefined
  },

  // Since v12: if the event has a room_id, reject.
  'no-room-id': ({ pdu }) => {
    if (pdu.room_id !== undefined) return refuse('the create event has a room id')
    return undefined
  },

  // If content.room_version is present and is not a recognised version, reject.
  'known-version': ({ pdu }) => {
    const id = pdu.content['room_version']
    if (id === undefined || (typeof id === 'string' && findRoomVersion(id) !== undefined)) return undefined
    return refuse('the room version is not known')
  },

  // Until v10: if content has no creator property, reject.
  'has-creator': ({ pdu }) => {
    if (pdu.content['creator'] === undefined) return refuse('the create event names no creator')
    return undefined
  },

  // Since v12: if additional_creators is present and is not an array of user ids, reject.
  'additional-creators': ({ pdu }) => {
    const creators = pdu.content['additional_creators']
    if (creators === undefined) return undefined
    if (Array.isArray(creators) && creators.every((id) => typeof id === 'string' && isUserId(id))) return undefined
    return refuse('additional_creators is not an array of user ids')
  },
}
