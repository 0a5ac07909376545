import { eventFlags } from '@hearth/store'
import type { RoomEvent } from '@hearth/rooms'
import type { Change } from '../../sync/change.ts'
import { membershipOf } from '../membership-content.ts'
import type { Room, RoomHead } from '../room.ts'
import type { ChainedEvent, ChainedEvents, ChainEnd } from './chained-events.ts'
import type { CurrentStateChanges } from './current-state-changes.ts'
import type { PlacedEvent } from './received-event.ts'
import type { KnownState } from './state-resolver.ts'

/** What follows from a chain's commit, whose first event took the position `firstPos`. */
export class ChainOutcome {
  readonly #room: Room
  readonly #chain: ChainedEvents
  readonly #end: ChainEnd
  readonly #changes: CurrentStateChanges
  readonly #firstPos: number

  constructor(
    deps: { room: Room; chain: ChainedEvents; end: ChainEnd; changes: CurrentStateChanges },
    firstPos: number,
  ) {
    this.#room = deps.room
    this.#chain = deps.chain
    this.#end = deps.end
    this.#changes = deps.changes
    this.#firstPos = firstPos
  }

  /** What became of each event. */
  placements(): PlacedEvent[] {
    return this.#chain.all.map(({ event, row, verdict, before }, index) => ({
      kind: verdict,
      reason: row.refusal ?? '',
      nid: row.nid ?? this.#firstPos + index,
      event,
      stateBeforeNid: before.stateNid,
    }))
  }

  /** The room's head now. */
  head(): RoomHead {
    const { head } = this.#room
    const accepted = this.#chain.all.filter(({ verdict }) => verdict === 'accepted')
    return {
      lastPos: this.#firstPos + this.#chain.all.length - 1,
      depth: accepted.reduce((depth, { row }) => Math.max(depth, row.depth), head.depth),
      stateNid: this.#end.current.stateNid,
      state: this.#end.current.state,
      extremities: this.#end.extremities.map(({ ref, event, stateNid }) => ({
        nid: this.#chain.nidOf(ref, this.#firstPos),
        event,
        stateNid,
      })),
    }
  }

  /** The events that have numbers of their own. */
  numbered(): { readonly nid: number; readonly event: RoomEvent; readonly json: string }[] {
    return this.#chain.all.flatMap(({ event, row }) =>
      row.nid === undefined ? [] : [{ nid: row.nid, event, json: row.json }],
    )
  }

  /** The events that were redacted. */
  redactedNids(): number[] {
    return this.#chain.all.flatMap(({ redacted }) =>
      redacted ? [this.#chain.nidOf(redacted.ref, this.#firstPos)] : [],
    )
  }

  /** What the stream is told: nothing of what was refused. */
  async changes(): Promise<Change[]> {
    const changes: Change[] = []
    let previous: KnownState = { stateNid: this.#room.head.stateNid, state: this.#room.head.state }
    for (const [index, chained] of this.#chain.all.entries()) {
      if (chained.verdict !== 'accepted') continue
      changes.push(...(await this.#changesOf(chained, this.#firstPos + index, previous)))
      previous = chained.current
    }
    return changes
  }

  async #changesOf(chained: ChainedEvent, pos: number, previous: KnownState): Promise<Change[]> {
    const { event, row, before, after, current, isLinear, replaced, redacted } = chained
    const nid = row.nid ?? pos
    const members = isLinear ? [] : await this.#changes.ofMembers(previous.state, current.state, pos)
    const own = isLinear ? row.membership : members.find((member) => member.nid === nid)
    const change: Change = {
      kind: 'event',
      pos,
      nid,
      roomNid: this.#room.nid,
      roomId: this.#room.id,
      event,
      stateNid: after.stateNid,
      stateBeforeNid: before.stateNid,
      ...(!isLinear && { currentStateNid: current.stateNid }),
      replaced,
      ...(own && {
        membership: {
          userNid: own.userNid,
          membership: own.membership,
          previous: isLinear ? membershipOf(replaced) : (own.previous ?? undefined),
          local: own.local,
        },
      }),
      ...(redacted && {
        redacted: { nid: this.#chain.nidOf(redacted.ref, this.#firstPos), event: redacted.event },
      }),
      ...((row.flags & eventFlags.afterGap) !== 0 && { isAfterGap: true }),
      ...((row.flags & eventFlags.outgoing) !== 0 && { outgoing: true }),
    }
    return [change, ...members.filter((member) => member !== own)]
  }
}
