import type { DeviceId, UserId } from '@hearth/protocol'

/** A user of this server. */
export interface LocalUser {
  readonly userId: UserId
  readonly userNid: number
  readonly isGuest: boolean
}

/** Who asks: a device of a local user. */
export interface Requester extends LocalUser {
  readonly deviceId: DeviceId
  readonly deviceNid: number
  readonly isAdmin: boolean
  /** Whether an administrator has it read only: it may say nothing and come in nowhere. */
  readonly isSuspended: boolean
}
