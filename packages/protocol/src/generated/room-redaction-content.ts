// Made by scripts/generate-schemas.ts from schemas/events/m.room.redaction.json: change that file and run `npm run schemas`.
import type { EventId } from '../ids.ts'
import type { Schema } from '../schema.ts'

/** Takes the content of another event away. */
export interface RoomRedactionContent {
  /** The event. From room version 11 on; before, it is beside the content. */
  redacts?: EventId
  /** Why, in words. */
  reason?: string
  [k: string]: unknown
}

/** Accepts the content of m.room.redaction. */
export const roomRedactionContent: Schema<RoomRedactionContent> = {
  type: 'object',
  properties: { redacts: { type: 'string', format: 'mx-event-id' }, reason: { type: 'string' } },
}
