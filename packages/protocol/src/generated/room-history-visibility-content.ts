// Made by scripts/generate-schemas.ts from schemas/events/m.room.history_visibility.json: change that file and run `npm run schemas`.

import type { Schema } from '../schema.ts'

/** Who can see events from this one on. */
export interface RoomHistoryVisibilityContent {
  /** Members who are invited, who have joined, whoever is a member later, or anybody. */
  history_visibility: 'invited' | 'joined' | 'shared' | 'world_readable'
  [k: string]: unknown
}

/** Accepts the content of m.room.history_visibility. */
export const roomHistoryVisibilityContent: Schema<RoomHistoryVisibilityContent> = {
  type: 'object',
  properties: { history_visibility: { type: 'string', enum: ['invited', 'joined', 'shared', 'world_readable'] } },
  required: ['history_visibility'],
}
