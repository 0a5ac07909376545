// Made by scripts/generate-schemas.ts from the list of schemas/events/: run `npm run schemas` after a change there.
import { roomCanonicalAliasContent } from './room-canonical-alias-content.ts'
import { roomCreateContent } from './room-create-content.ts'
import { roomEncryptionContent } from './room-encryption-content.ts'
import { roomGuestAccessContent } from './room-guest-access-content.ts'
import { roomHistoryVisibilityContent } from './room-history-visibility-content.ts'
import { roomJoinRulesContent } from './room-join-rules-content.ts'
import { roomMemberContent } from './room-member-content.ts'
import { roomMessageContent } from './room-message-content.ts'
import { roomNameContent } from './room-name-content.ts'
import { roomPowerLevelsContent } from './room-power-levels-content.ts'
import { roomRedactionContent } from './room-redaction-content.ts'
import { roomServerAclContent } from './room-server-acl-content.ts'
import { roomTombstoneContent } from './room-tombstone-content.ts'
import { roomTopicContent } from './room-topic-content.ts'
import type { Schema } from '../schema.ts'

/** The schemas of the contents of events that the server itself interprets, by event type. */
export const eventContents: ReadonlyMap<string, Schema<unknown>> = new Map<string, Schema<unknown>>([
  ['m.room.canonical_alias', roomCanonicalAliasContent],
  ['m.room.create', roomCreateContent],
  ['m.room.encryption', roomEncryptionContent],
  ['m.room.guest_access', roomGuestAccessContent],
  ['m.room.history_visibility', roomHistoryVisibilityContent],
  ['m.room.join_rules', roomJoinRulesContent],
  ['m.room.member', roomMemberContent],
  ['m.room.message', roomMessageContent],
  ['m.room.name', roomNameContent],
  ['m.room.power_levels', roomPowerLevelsContent],
  ['m.room.redaction', roomRedactionContent],
  ['m.room.server_acl', roomServerAclContent],
  ['m.room.tombstone', roomTombstoneContent],
  ['m.room.topic', roomTopicContent],
])
