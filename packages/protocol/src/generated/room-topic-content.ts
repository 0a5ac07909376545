// Made by scripts/generate-schemas.ts from schemas/events/m.room.topic.json: change that file and run `npm run schemas`.

import type { Schema } from '../schema.ts'

/** What the room is about. */
export interface RoomTopicContent {
  /** The topic as plain text; none if absent, null or empty. */
  topic?: string | null
  /** The topic in several forms. */
  'm.topic'?: {
    /** The same text in several types, the preferred one first. */
    'm.text'?: {
      /** The text. */
      body: string
      /** Its type; text/plain if absent. */
      mimetype?: string
      [k: string]: unknown
    }[]
    [k: string]: unknown
  }
  [k: string]: unknown
}

/** Accepts the content of m.room.topic. */
export const roomTopicContent: Schema<RoomTopicContent> = {
  type: 'object',
  properties: {
    topic: { type: ['string', 'null'] },
    'm.topic': {
      type: 'object',
      properties: {
        'm.text': {
          type: 'array',
          items: {
            type: 'object',
            properties: { body: { type: 'string' }, mimetype: { type: 'string' } },
            required: ['body'],
          },
        },
      },
    },
  },
}
