// Made by scripts/generate-schemas.ts from schemas/events/m.room.canonical_alias.json: change that file and run `npm run schemas`.

import type { Schema } from '../schema.ts'

/**
 * The aliases that the room goes by. That they are aliases, and of this room, is checked apart, with an error code of its own for each.
 */
export interface RoomCanonicalAliasContent {
  /** The main one; none if absent, null or empty. */
  alias?: string | null
  /** Others. */
  alt_aliases?: string[]
  [k: string]: unknown
}

/** Accepts the content of m.room.canonical_alias. */
export const roomCanonicalAliasContent: Schema<RoomCanonicalAliasContent> = {
  type: 'object',
  properties: { alias: { type: ['string', 'null'] }, alt_aliases: { type: 'array', items: { type: 'string' } } },
}
