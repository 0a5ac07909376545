import type { ReceivedPdus } from '@hearth/core'
import { ReceivedEdus, ReceivedTransactions, type EduContext } from '@hearth/federation'
import type { Logger, Metrics } from '@hearth/runtime'

export interface TransactionDeps {
  readonly receivedPdus: ReceivedPdus
  readonly eduContext: EduContext
  readonly logger: Logger
  readonly metrics: Metrics
}

/** Builds what takes in the transactions of other servers. */
export function buildTransactions({ receivedPdus, eduContext, logger, metrics }: TransactionDeps) {
  const receivedEdus = new ReceivedEdus({ context: eduContext, logger })
  return { receivedTransactions: new ReceivedTransactions({ receivedPdus, receivedEdus, metrics }) }
}
