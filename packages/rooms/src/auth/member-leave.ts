import type { AuthCheck } from './auth-check.ts'
import { allow, refuse, type Verdict } from './verdict.ts'

/** If membership is leave: */
export function leaveRule({ pdu, room }: AuthCheck): Verdict {
  const senderMembership = room.membershipOf(pdu.sender)

  // 1. If the sender matches state_key, allow if and only if that user's current membership state is invite, join
  // (since v7, or knock).
  if (pdu.sender === pdu.state_key) {
    // Where there is no knocking, nobody's membership is knock.
    const isPresent = ['invite', 'join', 'knock'].includes(senderMembership)
    return isPresent ? allow : refuse('the sender is neither in the room nor invited', '1')
  }

  // 2. If the sender's current membership state is not join, reject.
  if (senderMembership !== 'join') return refuse('the sender is not in the room', '2')

  const { powerLevels } = room
  const senderLevel = powerLevels.of(pdu.sender)

  // 3. If the target user's current membership state is ban, and the sender's power level is less than the ban level,
  // reject.
  if (room.membershipOf(pdu.state_key!) === 'ban' && senderLevel < powerLevels.level('ban')) {
    return refuse("the sender's power level is below the ban level", '3')
  }

  // 4. If the sender's power level is greater than or equal to the kick level, and the target user's power level is
  // less than the sender's power level, allow.
  if (senderLevel >= powerLevels.level('kick') && powerLevels.of(pdu.state_key!) < senderLevel) return allow

  // 5. Otherwise, reject.
  return refuse("the sender's power level does not allow to kick the target user", '5')
}
