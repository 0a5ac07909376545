import type { RoomEvent } from '@hearth/rooms'

/** An event of another server whose format, signatures and hash were checked; it is redacted where its hash was wrong. */
export interface VerifiedEvent {
  readonly event: RoomEvent
  /** Its canonical JSON. */
  readonly json: string
}
