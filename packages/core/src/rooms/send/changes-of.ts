import { eventFlags } from '@hearth/store'
import type { EventChange } from '../../sync/change.ts'
import { membershipOf } from '../membership-content.ts'
import type { Room } from '../room.ts'
import type { DraftedEvent } from './room-draft.ts'

/**
 * What the stream is told of a committed draft whose first event took `firstPos`. `stateNids` are the ids of the states
 * before the first event and after each.
 */
export function changesOf(
  room: Room,
  drafted: readonly DraftedEvent[],
  firstPos: number,
  stateNids: readonly number[],
): EventChange[] {
  return drafted.map(({ event, row, replaced, redacted }, index) => ({
    kind: 'event',
    pos: firstPos + index,
    nid: firstPos + index,
    roomNid: room.nid,
    roomId: room.id,
    event,
    stateNid: stateNids[index + 1]!,
    stateBeforeNid: stateNids[index]!,
    replaced,
    ...(row.membership && {
      membership: {
        userNid: row.membership.userNid,
        membership: row.membership.membership,
        previous: membershipOf(replaced),
        local: row.membership.local,
      },
    }),
    ...(redacted && { redacted }),
    ...((row.flags & eventFlags.outgoing) !== 0 && { outgoing: true }),
    ...(row.txn && { transaction: row.txn }),
  }))
}
