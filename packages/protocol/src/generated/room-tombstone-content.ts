// Made by scripts/generate-schemas.ts from schemas/events/m.room.tombstone.json: change that file and run `npm run schemas`.
import type { RoomId } from '../ids.ts'
import type { Schema } from '../schema.ts'

/** Says that the room has been replaced. */
export interface RoomTombstoneContent {
  /** What to tell the members. */
  body?: string
  /** The room to go to. */
  replacement_room: RoomId
  [k: string]: unknown
}

/** Accepts the content of m.room.tombstone. */
export const roomTombstoneContent: Schema<RoomTombstoneContent> = {
  type: 'object',
  properties: { body: { type: 'string' }, replacement_room: { type: 'string', format: 'mx-room-id' } },
  required: ['replacement_room'],
}
