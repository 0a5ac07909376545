/**
 * State resolution of room version 1.
 * {@link https://spec.matrix.org/v1.19/rooms/v1/#state-resolution}
 */
import { sha1 } from '@hearth/crypto'
import { authorize } from '../auth/authorize.ts'
import type { RoomVersion } from '../room-versions.ts'
import type { EventHandle } from './auth-graph.ts'
import type { ResolutionPlan } from './plan.ts'
import { loadedEvents, unconflictedEvent, type HandledEvent, type ResolutionSource } from './resolution-source.ts'
import { ResolvingState, type StateEntry } from './resolving-state.ts'

/** The types that affect authorization, in the order in which their conflicts are resolved. */
const passes = ['m.room.power_levels', 'm.room.join_rules', 'm.room.member'] as const

/** Resolves the conflicts that a plan is about. Returns the entries that come on top of the unconflicted state. */
export function resolveV1<Id extends EventHandle>(
  version: RoomVersion,
  plan: ResolutionPlan<Id>,
  source: ResolutionSource<Id>,
): StateEntry<Id>[] {
  const resolved = new ResolvingState<Id>()
  const conflicts = groupByKey(loadedEvents(source, plan.fullConflicted))

  // Conflicts of one pass are resolved independently of one another, so their order makes no difference.
  for (const pass of passes) {
    const ofPass = conflicts.filter(([{ event }]) => event.pdu.type === pass)
    const winners = ofPass.map((events) => resolveAuthConflict(version, source, resolved, events))
    for (const winner of winners) resolved.set(winner)
  }

  const others = conflicts.filter(([{ event }]) => !passes.some((pass) => pass === event.pdu.type))
  const winners = others.map((events) => resolveOtherConflict(version, source, resolved, events))
  for (const winner of winners) resolved.set(winner)
  return [...resolved.entries()]
}

type Conflict<Id extends EventHandle> = [HandledEvent<Id>, ...HandledEvent<Id>[]]

/** Groups the events by type and state key. */
function groupByKey<Id extends EventHandle>(events: readonly HandledEvent<Id>[]): Conflict<Id>[] {
  const groups = new Map<string, Conflict<Id>>()
  for (const each of events) {
    const key = JSON.stringify([each.event.pdu.type, each.event.pdu.state_key])
    const group = groups.get(key)
    if (group === undefined) groups.set(key, [each])
    else group.push(each)
  }
  return [...groups.values()]
}

/** Takes the first event, by ascending depth, and each that is allowed after the one before, until one is not. */
function resolveAuthConflict<Id extends EventHandle>(
  version: RoomVersion,
  source: ResolutionSource<Id>,
  resolved: ResolvingState<Id>,
  conflict: Conflict<Id>,
): HandledEvent<Id> {
  const [first, ...later] = byDescendingDepth(conflict).reverse() as Conflict<Id>
  let winner = first
  for (const candidate of later) {
    if (!isAllowed(version, source, resolved, candidate, winner)) break
    winner = candidate
  }
  return winner
}

/** Takes the event of the highest depth that is allowed, or else the one of the least. */
function resolveOtherConflict<Id extends EventHandle>(
  version: RoomVersion,
  source: ResolutionSource<Id>,
  resolved: ResolvingState<Id>,
  conflict: Conflict<Id>,
): HandledEvent<Id> {
  const ordered = byDescendingDepth(conflict)
  return ordered.find((candidate) => isAllowed(version, source, resolved, candidate)) ?? ordered.at(-1)!
}

function isAllowed<Id extends EventHandle>(
  version: RoomVersion,
  source: ResolutionSource<Id>,
  resolved: ResolvingState<Id>,
  { event }: HandledEvent<Id>,
  predecessor?: HandledEvent<Id>,
): boolean {
  return authorize(version, event, (type, stateKey) => {
    const pdu = predecessor?.event.pdu
    if (pdu !== undefined && pdu.type === type && pdu.state_key === stateKey) return predecessor?.event
    return resolved.event(type, stateKey) ?? unconflictedEvent(source, type, stateKey)
  }).allowed
}

/** Sorts by descending depth, then by ascending SHA-1 hash of the event id. */
function byDescendingDepth<Id extends EventHandle>(conflict: Conflict<Id>): HandledEvent<Id>[] {
  return conflict
    .map((each) => ({ ...each, hash: sha1(each.event.eventId) }))
    .sort((a, b) => b.event.pdu.depth - a.event.pdu.depth || Buffer.compare(a.hash, b.hash))
}
