import { prevEventIds } from '../events/pdu.ts'
import type { AuthCheck } from './auth-check.ts'
import { creatorsOf } from './room-state-view.ts'
import { allow, refuse, type Verdict } from './verdict.ts'

/** If membership is join: */
export function joinRule(check: AuthCheck): Verdict {
  const { pdu, room } = check
  const { byInvitation, byAuthorisation } = room.version.joinRules

  // 1. If the only previous event is an m.room.create and the state_key is the creator, allow.
  if (isFirstJoinOfCreator(check)) return allow

  // 2. If the sender does not match state_key, reject.
  if (pdu.sender !== pdu.state_key) return refuse('nobody can join for somebody else', '2')

  // 3. If the sender is banned, reject.
  const membership = room.membershipOf(pdu.sender)
  if (membership === 'ban') return refuse('the sender is banned', '3')

  const isInvitedOrJoined = membership === 'invite' || membership === 'join'
  const { joinRule } = room

  // 4. If the join_rule is invite (since v7, or knock) then allow if membership state is invite or join.
  if (byInvitation.includes(joinRule) && isInvitedOrJoined) return allow

  // 5, since v8. If the join_rule is restricted (since v10, or knock_restricted):
  if (byAuthorisation.includes(joinRule)) {
    // 5.1. If membership state is join or invite, allow.
    if (isInvitedOrJoined) return allow
    // 5.2. If the join_authorised_via_users_server key in content is not a user with sufficient permission to invite
    // other users or is not a joined member of the room, reject.
    if (!isAuthorised(check)) return refuse('no member who may invite has authorised the join', '5.2')
    // 5.3. Otherwise, allow.
    return allow
  }

  // 5, since v8 6. If the join_rule is public, allow.
  if (joinRule === 'public') return allow

  // 6, since v8 7. Otherwise, reject.
  const otherwise = byAuthorisation.length > 0 ? '7' : '6'
  return refuse('the join rule does not let the sender in', otherwise)
}

function isFirstJoinOfCreator({ pdu, room }: AuthCheck): boolean {
  const { create } = room
  if (create === undefined || pdu.prev_events.length !== 1 || prevEventIds(pdu)[0] !== create.eventId) return false
  // The additional creators of version 12 are members like all others: only the first one makes the room.
  return creatorsOf(room.version, create)[0] === pdu.state_key
}

function isAuthorised({ pdu, room }: AuthCheck): boolean {
  const userId = pdu.content['join_authorised_via_users_server']
  if (typeof userId !== 'string' || room.membershipOf(userId) !== 'join') return false
  return room.powerLevels.of(userId) >= room.powerLevels.level('invite')
}
