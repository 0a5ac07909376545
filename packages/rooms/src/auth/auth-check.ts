import type { Pdu, RoomEvent } from '../events/pdu.ts'
import type { RoomStateView } from './room-state-view.ts'
import type { Verdict } from './verdict.ts'

/** What every rule looks at: the event, and the state that it is checked against. */
export interface AuthCheck {
  readonly event: RoomEvent
  readonly pdu: Pdu
  readonly room: RoomStateView
}

/** A rule allows or refuses the event, or leaves it to the rules after it. */
export type AuthRule = (check: AuthCheck) => Verdict | undefined
