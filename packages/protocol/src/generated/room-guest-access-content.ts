// Made by scripts/generate-schemas.ts from schemas/events/m.room.guest_access.json: change that file and run `npm run schemas`.

import type { Schema } from '../schema.ts'

/** Whether guests may join. */
export interface RoomGuestAccessContent {
  /** Whether guests may join; forbidden if there is no such event. */
  guest_access: 'can_join' | 'forbidden'
  [k: string]: unknown
}

/** Accepts the content of m.room.guest_access. */
export const roomGuestAccessContent: Schema<RoomGuestAccessContent> = {
  type: 'object',
  properties: { guest_access: { type: 'string', enum: ['can_join', 'forbidden'] } },
  required: ['guest_access'],
}
