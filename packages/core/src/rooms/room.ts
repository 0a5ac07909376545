import type { RoomId } from '@hearth/protocol'
import type { RoomEvent, RoomVersion } from '@hearth/rooms'
import type { StateMap } from '@hearth/store'

/** The newest point of a room's event graph: what the next event builds on. */
export interface RoomHead {
  /** The stream position of the room's last event. */
  readonly lastPos: number
  readonly depth: number
  /** The id of the room's current state, and that state. */
  readonly stateNid: number
  readonly state: StateMap
  /** The forward extremities. */
  readonly extremities: readonly Extremity[]
}

export interface Extremity {
  readonly nid: number
  /** The id of the state after it, in its own history. */
  readonly stateNid: number
  readonly event: RoomEvent
}

/** A room as this process knows it. Its head moves only through its mailbox or when the stream brings another process's events. */
export interface Room {
  readonly nid: number
  readonly id: RoomId
  readonly version: RoomVersion
  head: RoomHead
}
