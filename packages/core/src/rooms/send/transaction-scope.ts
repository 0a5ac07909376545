import { sha256 } from '@hearth/crypto'
import type { ClientTransaction } from '@hearth/store'
import type { Requester } from '../../requester.ts'

/**
 * What a transaction id is unique within besides the device: the endpoint with its other parameters.
 * {@link https://spec.matrix.org/v1.19/client-server-api/#transaction-identifiers}
 */
export function clientTransaction(
  requester: Requester,
  txnId: string,
  operation: string,
  ...parameters: readonly string[]
): ClientTransaction {
  const scope = sha256(JSON.stringify([operation, ...parameters])).subarray(0, 16)
  return { deviceNid: requester.deviceNid, scope, txnId }
}

/** Whether both are the same request of one device. */
export function isSameTransaction(a: ClientTransaction | undefined, b: ClientTransaction | undefined): boolean {
  if (!a || !b) return false
  return a.deviceNid === b.deviceNid && a.txnId === b.txnId && Buffer.compare(a.scope, b.scope) === 0
}
