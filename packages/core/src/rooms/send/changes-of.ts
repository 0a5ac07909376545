import { eventFlags, type NewEvent } from '@hearth/store'
import type { EventChange } from '../../sync/change.ts'
import { membershipOf } from '../membership-content.ts'
import type { Room } from '../room.ts'
import type { DraftedEvent } from './room-draft.ts'

/**
 * What the stream is told of a committed draft whose first event took `firstPos`. `rows` is what was written of its events,
 * `stateNids` are the ids of the states before the first event and after each.
 */
export function changesOf(
  room: Room,
  drafted: readonly DraftedEvent[],
  rows: readonly NewEvent[],
  firstPos: number,
  stateNids: readonly number[],
): EventChange[] {
  return drafted.map(({ event, replaced, redacted }, index) => {
    const { membership, flags, txn } = rows[index]!
    return {
      kind: 'event',
      pos: firstPos + index,
      nid: firstPos + index,
      roomNid: room.nid,
      roomId: room.id,
      event,
      stateNid: stateNids[index + 1]!,
      stateBeforeNid: stateNids[index]!,
      replaced,
      ...(membership && {
        membership: {
          userNid: membership.userNid,
          membership: membership.membership,
          previous: membershipOf(replaced),
          local: membership.local,
        },
      }),
      ...(redacted && { redacted }),
      ...((flags & eventFlags.outgoing) !== 0 && { outgoing: true }),
      ...(txn && { transaction: txn }),
    }
  })
}
