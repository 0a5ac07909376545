import type { AuthCheck } from './auth-check.ts'
import { allow, refuse, type Verdict } from './verdict.ts'

/** Since v7: if membership is knock: */
export function knockRule({ pdu, room }: AuthCheck): Verdict {
  // 1. If the join_rule is anything other than knock (since v10, or knock_restricted), reject.
  if (!room.version.joinRules.knockable.includes(room.joinRule)) return refuse('the join rule allows no knocking', '1')

  // 2. If sender does not match state_key, reject.
  if (pdu.sender !== pdu.state_key) return refuse('nobody can knock for somebody else', '2')

  // 3. If the sender's current membership is not ban, invite, or join, allow.
  const membership = room.membershipOf(pdu.sender)
  if (!['ban', 'invite', 'join'].includes(membership)) return allow

  // 4. Otherwise, reject.
  return refuse(`the sender's membership is ${membership}`, '4')
}
