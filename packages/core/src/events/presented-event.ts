import type { RoomEvent } from '@hearth/rooms'
import type { Membership } from '@hearth/store'
import { aggregationsJson, type Aggregations } from './aggregations.ts'
import type { ClientEvent, ViewerContext } from './client-event.ts'

/** An event as one device is to be shown it. */
export interface PresentedEvent {
  readonly pos: number
  readonly nid: number
  /** The id of the room's state after the event and, where it is known without asking, before it. */
  readonly stateNid: number
  readonly stateBeforeNid: number | undefined
  /** The id of the room's current state after the event, where it did not simply follow on the room's head. */
  readonly currentStateNid?: number | undefined
  readonly event: RoomEvent
  readonly client: ClientEvent
  /** The reader's membership at the event. */
  readonly membership: Membership
  /** How the reading device named the request that sent it. */
  readonly transactionId: string | undefined
  /** What relates to it, where that was asked for and there is anything. */
  readonly aggregations?: Aggregations<PresentedEvent> | undefined
}

/** The forms in which clients get events: `/sync` gives them without `room_id`. */
export type EventForm = 'json' | 'syncJson'

/** What the reader of an event sees in `unsigned` at a time; bundled events are given in the same form as the event. */
export function viewerOf(
  { membership, transactionId, aggregations }: PresentedEvent,
  now: number,
  form: EventForm = 'json',
): ViewerContext {
  const render = (event: PresentedEvent): string => event.client[form](viewerOf(event, now, form))
  return { now, membership, transactionId, relations: aggregations && aggregationsJson(aggregations, render) }
}
