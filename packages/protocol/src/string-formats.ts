import { isDeviceId, isEventId, isRoomAlias, isRoomId, isUserId } from './ids.ts'
import { isServerName } from './server-name.ts'
import { isStorableText } from './storable-text.ts'

/**
 * The specification's names of string formats in JSON Schemas, with their checks: to be given to Ajv. `storable-text` is
 * our own.
 */
export const stringFormats: Readonly<Record<string, (text: string) => boolean>> = {
  'mx-user-id': isUserId,
  'mx-room-id': isRoomId,
  'mx-event-id': isEventId,
  'mx-room-alias': isRoomAlias,
  'mx-server-name': isServerName,
  'mx-device-id': isDeviceId,
  'storable-text': isStorableText,
}
