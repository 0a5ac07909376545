/**
 * The rule for `m.room.member`: 5 in room versions 1 to 5 and 12, 4 in those between.
 * {@link https://spec.matrix.org/v1.19/rooms/v12/#authorization-rules}
 */
import { isUserId } from '@hearth/protocol'
import type { MemberRuleName } from '../room-versions.ts'
import type { AuthRule } from './auth-check.ts'
import { banRule } from './member-ban.ts'
import { inviteRule } from './member-invite.ts'
import { joinRule } from './member-join.ts'
import { knockRule } from './member-knock.ts'
import { leaveRule } from './member-leave.ts'
import { firstVerdict, refuse } from './verdict.ts'

/** If type is `m.room.member`: */
export const memberRule: AuthRule = (check) => {
  if (check.pdu.type !== 'm.room.member') return undefined
  const rules = check.room.version.authRules.member
  // Otherwise, the membership is unknown. Reject.
  return firstVerdict(rules, memberRules, check) ?? refuse('the membership is unknown', String(rules.length + 1))
}

const memberRules: Readonly<Record<MemberRuleName, AuthRule>> = {
  // If there is no state_key property, or no membership property in content, reject.
  shape: ({ pdu }) => {
    if (pdu.state_key === undefined || !isUserId(pdu.state_key)) return refuse('the state key is not a user id')
    if (pdu.content['membership'] === undefined) return refuse('there is no membership')
    return undefined
  },

  // Since v8: if content has a join_authorised_via_users_server property, and the event is not validly signed by the
  // homeserver of the user ID denoted by the key, reject. Signatures are checked before, those of `requiredSigners`.
  'authorising-user': ({ pdu }) => {
    const userId = pdu.content['join_authorised_via_users_server']
    if (userId === undefined || (typeof userId === 'string' && isUserId(userId))) return undefined
    return refuse('join_authorised_via_users_server is not a user id', '1')
  },

  // If membership is join:
  join: (check) => (check.pdu.content['membership'] === 'join' ? joinRule(check) : undefined),
  // If membership is invite:
  invite: (check) => (check.pdu.content['membership'] === 'invite' ? inviteRule(check) : undefined),
  // If membership is leave:
  leave: (check) => (check.pdu.content['membership'] === 'leave' ? leaveRule(check) : undefined),
  // If membership is ban:
  ban: (check) => (check.pdu.content['membership'] === 'ban' ? banRule(check) : undefined),
  // Since v7: if membership is knock:
  knock: (check) => (check.pdu.content['membership'] === 'knock' ? knockRule(check) : undefined),
}
