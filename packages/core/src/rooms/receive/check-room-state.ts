/**
 * Steps 4 to 6 of the checks on receipt: do the event's own auth events, the state before it and the room's current state
 * allow it? What fails one of the first two is rejected, what fails the last is soft-failed.
 * {@link https://spec.matrix.org/v1.19/server-server-api/#checks-performed-on-receipt-of-a-pdu}
 */
import { authEventIds, authorize, authTypesFor, createEventIdOf, type RoomEvent, type Verdict } from '@hearth/rooms'
import type { StateMap } from '@hearth/store'
import type { Room } from '../room.ts'
import type { ChainedEvents } from './chained-events.ts'
import { checkAuthEvents } from './check-auth-events.ts'
import type { PlacedEvent, ReceivedEvent } from './received-event.ts'
import type { KnownState } from './state-resolver.ts'

/** What the checks say, and why. */
export interface ReceiptVerdict {
  readonly kind: PlacedEvent['kind']
  /** Empty for what is accepted. */
  readonly reason: string
}

/** The states that an event is checked against. */
export interface StatesAround {
  readonly before: KnownState
  readonly current: KnownState
}

/** Checks an event whose auth events and state before are known. */
export async function checkRoomState(
  room: Pick<Room, 'id' | 'version'>,
  { event, spam }: ReceivedEvent,
  { before, current }: StatesAround,
  chain: ChainedEvents,
): Promise<ReceiptVerdict> {
  if (event.pdu.type === 'm.room.create') return rejected('the room was created before')
  if (event.pdu.prev_events.length === 0) return rejected('it names no previous events')

  const byAuthEvents = checkOwnAuthEvents(room, event, chain)
  if (!byAuthEvents.allowed) return rejected(`its auth events do not allow it: ${byAuthEvents.reason}`)

  const byStateBefore = await authorizeIn(room, event, before.state, chain)
  if (!byStateBefore.allowed) return rejected(`the state before it does not allow it: ${byStateBefore.reason}`)

  if (before.stateNid !== current.stateNid) {
    const byCurrent = await authorizeIn(room, event, current.state, chain)
    if (!byCurrent.allowed) {
      return { kind: 'soft-failed', reason: `the current state does not allow it: ${byCurrent.reason}` }
    }
  }
  if (spam !== undefined) return { kind: 'soft-failed', reason: spam }
  return { kind: 'accepted', reason: '' }
}

function rejected(reason: string): ReceiptVerdict {
  return { kind: 'rejected', reason }
}

function checkOwnAuthEvents(
  { id, version }: Pick<Room, 'id' | 'version'>,
  event: RoomEvent,
  chain: ChainedEvents,
): Verdict {
  const authEvents = authEventIds(event.pdu).map((authId) => chain.find(authId)!.event)
  const create = version.createIsAuthEvent ? undefined : chain.find(createEventIdOf(id))?.event
  return checkAuthEvents(version, event, authEvents, create)
}

async function authorizeIn(
  { version }: Pick<Room, 'version'>,
  event: RoomEvent,
  state: StateMap,
  chain: ChainedEvents,
): Promise<Verdict> {
  const tuples = [...authTypesFor(version, event.pdu), ['m.room.create', ''] as const]
  return authorize(version, event, await chain.lookup(state, tuples))
}
