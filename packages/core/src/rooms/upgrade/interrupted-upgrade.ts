import type { DeviceId, JsonObject, RoomId, UserId } from '@hearth/protocol'
import type { ClientTransaction } from '@hearth/store'
import type { Requester } from '../../requester.ts'

/** The jobs that look after upgrades. */
export const upgradeJobKind = 'room-upgrade'

/** What it takes to carry an upgrade on. */
export interface InterruptedUpgrade {
  readonly requester: Requester
  readonly roomId: RoomId
  /** By which the new room is found. */
  readonly transaction: ClientTransaction
}

/** An upgrade as the payload of a job. */
export function interruptedUpgrade(requester: Requester, roomId: RoomId, transaction: ClientTransaction): JsonObject {
  const { userId, userNid, deviceId, deviceNid } = requester
  const { scope, txnId } = transaction
  return { userId, userNid, deviceId, deviceNid, roomId, scope: Buffer.from(scope).toString('hex'), txnId }
}

export function readInterruptedUpgrade(payload: JsonObject): InterruptedUpgrade {
  const { userId, userNid, deviceId, deviceNid, roomId, scope, txnId } = payload as {
    readonly userId: UserId
    readonly userNid: number
    readonly deviceId: DeviceId
    readonly deviceNid: number
    readonly roomId: RoomId
    readonly scope: string
    readonly txnId: string
  }
  return {
    requester: { userId, userNid, deviceId, deviceNid, isAdmin: false, isGuest: false, isSuspended: false },
    roomId,
    transaction: { deviceNid, scope: Buffer.from(scope, 'hex'), txnId },
  }
}
