// Made by scripts/generate-schemas.ts from schemas/events/m.room.encryption.json: change that file and run `npm run schemas`.

import type { Schema } from '../schema.ts'

/** Says that messages are to be encrypted from here on. */
export interface RoomEncryptionContent {
  /** How. */
  algorithm: string
  /** After which time to change the session, in milliseconds. */
  rotation_period_ms?: number
  /** After how many messages to change the session. */
  rotation_period_msgs?: number
  [k: string]: unknown
}

/** Accepts the content of m.room.encryption. */
export const roomEncryptionContent: Schema<RoomEncryptionContent> = {
  type: 'object',
  properties: {
    algorithm: { type: 'string' },
    rotation_period_ms: { type: 'integer' },
    rotation_period_msgs: { type: 'integer' },
  },
  required: ['algorithm'],
}
