import type { JsonObject, UserId } from '@hearth/protocol'

/** A message to one device of a user, or to all of them: `*`. */
export interface AddressedMessage {
  readonly userId: UserId
  readonly deviceId: string
  readonly content: JsonObject
}
