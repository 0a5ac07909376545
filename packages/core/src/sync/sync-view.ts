import type { Requester } from '../requester.ts'
import type { SyncToken } from '../rooms/position-token.ts'
import type { SyncFilter } from './sync-filter.ts'

/** What is the same for all rooms of one answer. */
export interface SyncView {
  readonly requester: Requester
  /** What the client has; undefined for a first answer. */
  readonly since: number | undefined
  /** What the client has of typing and presence. */
  readonly known?: SyncToken | undefined
  /** Whether the client has earlier answers: what is new to it must not be joined to what it has. */
  readonly isContinued: boolean
  /** The token of the answer. */
  readonly position: number
  /** The same for typing and presence. */
  readonly serial: number
  readonly filter: SyncFilter
  readonly fullState: boolean
  /** Give the state after the timeline instead of the state before it. */
  readonly useStateAfter: boolean
}
