// Made by scripts/generate-schemas.ts from schemas/events/m.room.join_rules.json: change that file and run `npm run schemas`.

import type { Schema } from '../schema.ts'

/** Who may join. */
export interface RoomJoinRulesContent {
  /** The rule. Which of them exist is up to the room version. */
  join_rule: 'public' | 'knock' | 'invite' | 'private' | 'restricted' | 'knock_restricted'
  /** Conditions of which one must hold for a restricted join. What is no condition never holds. */
  allow?: unknown
  [k: string]: unknown
}

/** Accepts the content of m.room.join_rules. */
export const roomJoinRulesContent: Schema<RoomJoinRulesContent> = {
  type: 'object',
  properties: {
    join_rule: { type: 'string', enum: ['public', 'knock', 'invite', 'private', 'restricted', 'knock_restricted'] },
    allow: {},
  },
  required: ['join_rule'],
}
