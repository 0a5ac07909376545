import type { Batch } from './batch.ts'
import type { CommitAnswer } from './commit-statement.ts'
import { isRefused } from '../tables/event-flags.ts'
import type { PlannedCommit } from './planned-commit.ts'
import type { CommittedBatch, CommittedEvent, CommittedRoom, StateEntryChange } from './room-commit.ts'

/** What a batch changed, every reference resolved; undefined when it wrote nothing. */
export function committedBatch(batch: Batch, answer: CommitAnswer): CommittedBatch | undefined {
  const rooms = batch.planned.flatMap((planned, i) => {
    const shift = answer.shift[i] ?? null
    return shift === null ? [] : [committedRoom(planned, shift + batch.slot(i, 0))]
  })
  const last = rooms.at(-1)
  if (last === undefined) return undefined
  return { prevPos: answer.prevPos, pos: last.lastPos, rooms, events: rooms.flatMap((room) => room.events) }
}

function committedRoom({ commit, states, headState, stateChanges }: PlannedCommit, firstPos: number): CommittedRoom {
  const resolve = (ref: number): number => (ref >= 0 ? ref : (commit.events[-ref - 1]!.nid ?? firstPos - ref - 1))
  const resolveChange = <Change extends StateEntryChange>(change: Change): Change => ({
    ...change,
    event: change.event === null ? null : resolve(change.event),
  })
  const events = commit.events.map((event, i): CommittedEvent => ({
    nid: event.nid ?? firstPos + i,
    pos: isRefused(event) ? null : firstPos + i,
    roomNid: commit.roomNid,
    stateBeforeNid: resolve(states[i]!.before),
    stateNid: resolve(states[i]!.after),
    currentStateNid: event.currentState === undefined ? null : resolve(event.currentState),
    event,
    replacesNid: event.replaces === undefined ? null : resolve(event.replaces),
    redactedNid: event.redacts !== undefined && 'target' in event.redacts ? resolve(event.redacts.target) : null,
  }))
  return {
    roomNid: commit.roomNid,
    prevLastPos: commit.expectedPos,
    lastPos: firstPos + events.length - 1,
    stateNid: resolve(headState),
    extremities: commit.extremities.map(resolve),
    events,
    stateChanges: stateChanges.map(resolveChange),
    merges: (commit.merges ?? []).map(({ stateNid, base, changes }) => ({
      stateNid,
      base: resolve(base),
      changes: changes.map(resolveChange),
    })),
    created: commit.expectedPos === 0,
  }
}
