export type { Branded } from './branded.ts'
export {
  badJson,
  defaultStatus,
  forbidden,
  invalidParam,
  limitExceeded,
  MatrixError,
  notFound,
  notJson,
  type ErrCode,
  type MatrixErrorOptions,
} from './errors.ts'
export { eventContents } from './generated/event-contents.ts'
export { roomCanonicalAliasContent, type RoomCanonicalAliasContent } from './generated/room-canonical-alias-content.ts'
export { roomCreateContent, type RoomCreateContent } from './generated/room-create-content.ts'
export { roomEncryptionContent, type RoomEncryptionContent } from './generated/room-encryption-content.ts'
export { roomGuestAccessContent, type RoomGuestAccessContent } from './generated/room-guest-access-content.ts'
export {
  roomHistoryVisibilityContent,
  type RoomHistoryVisibilityContent,
} from './generated/room-history-visibility-content.ts'
export { roomJoinRulesContent, type RoomJoinRulesContent } from './generated/room-join-rules-content.ts'
export { roomMemberContent, type RoomMemberContent } from './generated/room-member-content.ts'
export { roomMessageContent, type RoomMessageContent } from './generated/room-message-content.ts'
export { roomNameContent, type RoomNameContent } from './generated/room-name-content.ts'
export { roomPowerLevelsContent, type RoomPowerLevelsContent } from './generated/room-power-levels-content.ts'
export { roomRedactionContent, type RoomRedactionContent } from './generated/room-redaction-content.ts'
export { roomServerAclContent, type RoomServerAclContent } from './generated/room-server-acl-content.ts'
export { roomTombstoneContent, type RoomTombstoneContent } from './generated/room-tombstone-content.ts'
export { roomTopicContent, type RoomTopicContent } from './generated/room-topic-content.ts'
export { matchesGlob } from './glob.ts'
export {
  buildUserId,
  isDeviceId,
  isEventId,
  isHistoricalUserId,
  isRoomAlias,
  isRoomId,
  isUserId,
  isValidNewLocalpart,
  localpartOf,
  parseRoomAlias,
  parseUserId,
  serverOf,
  type DeviceId,
  type EventId,
  type IdParts,
  type RoomAlias,
  type RoomId,
  type UserId,
} from './ids.ts'
export { parseJson, parseJsonText, type JsonTextLimits } from './json-text.ts'
export { isJsonObject, type JsonObject, type JsonValue } from './json.ts'
export { s, type Infer, type OptionalSchema, type Schema } from './schema.ts'
export { isServerName, type ServerName } from './server-name.ts'
export { stringFormats } from './string-formats.ts'
export { isStorableText } from './storable-text.ts'
