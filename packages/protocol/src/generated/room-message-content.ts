// Made by scripts/generate-schemas.ts from schemas/events/m.room.message.json: change that file and run `npm run schemas`.

import type { Schema } from '../schema.ts'

/** A message. What else it needs is up to its msgtype, which the server does not interpret. */
export interface RoomMessageContent {
  /** What kind of message it is, such as m.text. */
  msgtype: string
  /** The message as plain text, or a description of it. */
  body?: string
  [k: string]: unknown
}

/** Accepts the content of m.room.message. */
export const roomMessageContent: Schema<RoomMessageContent> = {
  type: 'object',
  properties: { msgtype: { type: 'string' }, body: { type: 'string' } },
  required: ['msgtype'],
}
