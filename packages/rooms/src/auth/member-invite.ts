import type { AuthCheck } from './auth-check.ts'
import { thirdPartyInviteOfMember } from './member-third-party-invite.ts'
import { allow, numbered, refuse, type Verdict } from './verdict.ts'

/** If membership is invite: */
export function inviteRule(check: AuthCheck): Verdict {
  const { pdu, room } = check

  // 1. If content has a third_party_invite property:
  if (pdu.content['third_party_invite'] !== undefined) return numbered(1, thirdPartyInviteOfMember(check))

  // 2. If the sender's current membership state is not join, reject.
  if (room.membershipOf(pdu.sender) !== 'join') return refuse('the sender is not in the room', '2')

  // 3. If target user's current membership state is join or ban, reject.
  const target = room.membershipOf(pdu.state_key!)
  if (target === 'join') return refuse('the target user is in the room', '3')
  if (target === 'ban') return refuse('the target user is banned', '3')

  // 4. If the sender's power level is greater than or equal to the invite level, allow.
  if (room.powerLevels.of(pdu.sender) >= room.powerLevels.level('invite')) return allow

  // 5. Otherwise, reject.
  return refuse("the sender's power level is below the invite level", '5')
}
