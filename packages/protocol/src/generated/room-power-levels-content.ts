// Made by scripts/generate-schemas.ts from schemas/events/m.room.power_levels.json: change that file and run `npm run schemas`.

import type { Schema } from '../schema.ts'

/**
 * Which level each user has, and which level each action needs. Whether a level may be other than an integer is up to the room version: from 10 on it may not.
 */
export interface RoomPowerLevelsContent {
  /** The levels of users. */
  users?: {
    [k: string]: number | string
  }
  /** The level of users who are not listed; 0 if absent. */
  users_default?: number | string
  /** The levels needed to send events, by type. */
  events?: {
    [k: string]: number | string
  }
  /** The level needed for other message events; 0 if absent. */
  events_default?: number | string
  /** The level needed for other state events; 50 if absent. */
  state_default?: number | string
  /** The level needed to invite; 0 if absent. */
  invite?: number | string
  /** The level needed to remove a user; 50 if absent. */
  kick?: number | string
  /** The level needed to ban and unban; 50 if absent. */
  ban?: number | string
  /** The level needed to redact the events of others; 50 if absent. */
  redact?: number | string
  /** The levels needed to notify, by kind; 50 for room if absent. */
  notifications?: {
    [k: string]: number | string
  }
  [k: string]: unknown
}

/** Accepts the content of m.room.power_levels. */
export const roomPowerLevelsContent: Schema<RoomPowerLevelsContent> = {
  type: 'object',
  properties: {
    users: {
      type: 'object',
      propertyNames: { format: 'mx-user-id' },
      additionalProperties: { type: ['number', 'string'] },
    },
    users_default: { type: ['number', 'string'] },
    events: { type: 'object', additionalProperties: { type: ['number', 'string'] } },
    events_default: { type: ['number', 'string'] },
    state_default: { type: ['number', 'string'] },
    invite: { type: ['number', 'string'] },
    kick: { type: ['number', 'string'] },
    ban: { type: ['number', 'string'] },
    redact: { type: ['number', 'string'] },
    notifications: { type: 'object', additionalProperties: { type: ['number', 'string'] } },
  },
}
