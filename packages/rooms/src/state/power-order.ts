/**
 * The reverse topological power ordering.
 * {@link https://spec.matrix.org/v1.19/rooms/v2/#definitions}
 */
import { compareCodePoints } from '@hearth/crypto'
import { PowerLevels } from '../auth/power-levels-view.ts'
import { creatorsOf, membershipIn } from '../auth/room-state-view.ts'
import type { Pdu, RoomEvent } from '../events/pdu.ts'
import type { RoomVersion } from '../room-versions.ts'
import type { EventHandle } from './auth-graph.ts'
import { MinHeap } from './min-heap.ts'
import { unconflictedEvent, type HandledEvent, type ResolutionSource } from './resolution-source.ts'

/**
 * Step 1: the power events of the full conflicted set, with the events of their auth chains that are in that set too,
 * ordered by auth events first, then by the sender's power level, by time and by event id.
 */
export function powerOrder<Id extends EventHandle>(
  version: RoomVersion,
  source: ResolutionSource<Id>,
  fullConflicted: ReadonlyMap<Id, RoomEvent>,
): HandledEvent<Id>[] {
  const levelOf = senderLevels(version, source)
  const candidates = selectPowerEvents(source, fullConflicted)
  return orderTopologically(
    [...candidates].map(([id, event]) => ({ id, event, level: levelOf(id, event) })),
    (id) => source.graph.authEventsOf(id),
  )
}

/**
 * Whether an event might take away somebody's ability to do something.
 * NOTSPEC: the specification does not ask for the empty state key, nor does it name the create event. Synapse does both,
 * and the state must come out the same on all servers of a room.
 */
export function isPowerEvent(event: RoomEvent): boolean {
  const { type, state_key: stateKey, sender } = event.pdu
  switch (type) {
    case 'm.room.power_levels':
    case 'm.room.join_rules':
    case 'm.room.create':
      return stateKey === ''
    case 'm.room.member': {
      const membership = membershipIn(event)
      return (membership === 'leave' || membership === 'ban') && sender !== stateKey
    }
    default:
      return false
  }
}

/**
 * The power events, enlarged.
 * NOTSPEC: the auth chains are followed within the full conflicted set only, as in Synapse, Dendrite and ruma. By the
 * letter, a chain may also leave that set and come back to it.
 */
function selectPowerEvents<Id extends EventHandle>(
  source: ResolutionSource<Id>,
  fullConflicted: ReadonlyMap<Id, RoomEvent>,
): Map<Id, RoomEvent> {
  const selected = new Map<Id, RoomEvent>()
  const pending: Id[] = []
  for (const [id, event] of fullConflicted) {
    if (isPowerEvent(event)) pending.push(id)
  }
  for (let id = pending.pop(); id !== undefined; id = pending.pop()) {
    const event = fullConflicted.get(id)
    if (event === undefined || selected.has(id)) continue
    selected.set(id, event)
    pending.push(...source.graph.authEventsOf(id))
  }
  return selected
}

/** The power level of an event's sender, looking at the event's own auth events. */
function senderLevels<Id extends EventHandle>(
  version: RoomVersion,
  source: ResolutionSource<Id>,
): (id: Id, event: RoomEvent) => number {
  const create = unconflictedEvent(source, 'm.room.create', '')
  const creators = create === undefined ? [] : creatorsOf(version, create)
  return (id, event) => {
    const content = powerLevelsAmong(source, source.graph.authEventsOf(id))
    return new PowerLevels({ version, content, creators }).of(event.pdu.sender)
  }
}

function powerLevelsAmong<Id extends EventHandle>(
  source: ResolutionSource<Id>,
  authEvents: Iterable<Id>,
): Pdu['content'] | undefined {
  for (const id of authEvents) {
    if (source.graph.isPowerLevels(id)) return source.event(id)?.pdu.content
  }
  return undefined
}

interface Candidate<Id extends EventHandle> extends HandledEvent<Id> {
  readonly level: number
}

/** Kahn's algorithm: of the events whose auth events are placed, the smallest comes next. */
function orderTopologically<Id extends EventHandle>(
  candidates: readonly Candidate<Id>[],
  authEventsOf: (id: Id) => Iterable<Id>,
): HandledEvent<Id>[] {
  const byId = new Map(candidates.map((candidate) => [candidate.id, candidate]))
  const unplacedAuthEvents = new Map<Id, number>()
  const dependents = new Map<Id, Candidate<Id>[]>()
  const ready = new MinHeap<Candidate<Id>>(comparePower)

  for (const candidate of candidates) {
    const authEvents = [...new Set(authEventsOf(candidate.id))].filter((id) => byId.has(id))
    unplacedAuthEvents.set(candidate.id, authEvents.length)
    if (authEvents.length === 0) ready.push(candidate)
    for (const id of authEvents) {
      const others = dependents.get(id)
      if (others === undefined) dependents.set(id, [candidate])
      else others.push(candidate)
    }
  }

  const ordered: HandledEvent<Id>[] = []
  for (let candidate = ready.pop(); candidate !== undefined; candidate = ready.pop()) {
    ordered.push(candidate)
    for (const dependent of dependents.get(candidate.id) ?? []) {
      const unplaced = unplacedAuthEvents.get(dependent.id)! - 1
      unplacedAuthEvents.set(dependent.id, unplaced)
      if (unplaced === 0) ready.push(dependent)
    }
  }
  // Events of a cycle, which ids that are assigned allow, are never ready: they come with the remaining events.
  return ordered
}

function comparePower<Id extends EventHandle>(a: Candidate<Id>, b: Candidate<Id>): number {
  // 1. x < y if x's sender has greater power level; the levels may be infinite, so they are not subtracted.
  if (a.level !== b.level) return a.level > b.level ? -1 : 1
  return compareTimeAndId(a.event, b.event)
}

/** By `origin_server_ts`, then by event id: the order that ends all ties. */
export function compareTimeAndId(a: RoomEvent, b: RoomEvent): number {
  return a.pdu.origin_server_ts - b.pdu.origin_server_ts || compareCodePoints(a.eventId, b.eventId)
}
