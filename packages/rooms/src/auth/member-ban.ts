import type { AuthCheck } from './auth-check.ts'
import { allow, refuse, type Verdict } from './verdict.ts'

/** If membership is ban: */
export function banRule({ pdu, room }: AuthCheck): Verdict {
  // 1. If the sender's current membership state is not join, reject.
  if (room.membershipOf(pdu.sender) !== 'join') return refuse('the sender is not in the room', '1')

  // 2. If the sender's power level is greater than or equal to the ban level, and the target user's power level is less
  // than the sender's power level, allow.
  const { powerLevels } = room
  const senderLevel = powerLevels.of(pdu.sender)
  if (senderLevel >= powerLevels.level('ban') && powerLevels.of(pdu.state_key!) < senderLevel) return allow

  // 3. Otherwise, reject.
  return refuse("the sender's power level does not allow to ban the target user", '3')
}
