// Made by scripts/generate-schemas.ts from schemas/events/m.room.server_acl.json: change that file and run `npm run schemas`.

import type { Schema } from '../schema.ts'

/** Which servers may take part, as globs over server names. */
export interface RoomServerAclContent {
  /** Servers that may; none if absent. */
  allow?: string[]
  /** Servers that may not, whatever allow says. */
  deny?: string[]
  /** Whether servers named by an IP address may. Anything but false means that they may. */
  allow_ip_literals?: unknown
  [k: string]: unknown
}

/** Accepts the content of m.room.server_acl. */
export const roomServerAclContent: Schema<RoomServerAclContent> = {
  type: 'object',
  properties: {
    allow: { type: 'array', items: { type: 'string' } },
    deny: { type: 'array', items: { type: 'string' } },
    allow_ip_literals: {},
  },
}
