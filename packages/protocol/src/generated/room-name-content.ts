// Made by scripts/generate-schemas.ts from schemas/events/m.room.name.json: change that file and run `npm run schemas`.

import type { Schema } from '../schema.ts'

/** The name of the room. */
export interface RoomNameContent {
  /** The name; none if absent, null or empty. */
  name?: string | null
  [k: string]: unknown
}

/** Accepts the content of m.room.name. */
export const roomNameContent: Schema<RoomNameContent> = {
  type: 'object',
  properties: { name: { type: ['string', 'null'] } },
}
