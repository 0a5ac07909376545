import { sha256 } from '@hearth/crypto'
import type { PduOutcomes, ReceivedPdus } from '@hearth/core'
import type { ServerName } from '@hearth/protocol'
import { LruCache, type Metrics } from '@hearth/runtime'
import { OriginLoad } from '../authentication/origin-load.ts'
import type { ReceivedEdus } from '../edus/received-edus.ts'
import { parseEdus, parsePdus } from './parse-items.ts'
import { splitTransaction } from './transaction-text.ts'

/** What became of each event of a transaction that has an id. */
export type TransactionAnswer = Readonly<Record<string, { readonly error?: string }>>

export interface ReceivedTransactionsDeps {
  readonly receivedPdus: Pick<ReceivedPdus, 'receive'>
  readonly receivedEdus: Pick<ReceivedEdus, 'receive'>
  readonly metrics: Metrics
}

/** A server is to wait for the answer before it sends more; some send again what they do not wait for any longer. */
const oneAtATime = { running: 1, waiting: 4 }
const answerBytes = 8 * 1024 * 1024
const bytesOfEvent = 150

/**
 * Takes in what other servers send: one transaction of a server at a time. One that comes again is answered from memory
 * or, after a restart, taken in again, which changes nothing.
 */
export class ReceivedTransactions {
  readonly #deps: ReceivedTransactionsDeps
  readonly #turns = new OriginLoad(oneAtATime)
  readonly #answers: LruCache<string, TransactionAnswer>

  constructor(deps: ReceivedTransactionsDeps) {
    this.#deps = deps
    this.#answers = new LruCache({
      name: 'received-transactions',
      maxBytes: answerBytes,
      sizeOf: (answer, key) => key.length + bytesOfEvent * (1 + Object.keys(answer).length),
      metrics: deps.metrics,
    })
  }

  /**
   * Takes in a transaction. When it resolves, all that matters of it is committed.
   * @throws MatrixError 400 for what is no transaction, 429 `M_LIMIT_EXCEEDED` when the server has to send it later.
   */
  async receive(
    origin: ServerName,
    { txnId, body, signal }: { readonly txnId: string; readonly body: Uint8Array; readonly signal: AbortSignal },
  ): Promise<TransactionAnswer> {
    const leave = await this.#turns.enter(origin, signal)
    try {
      // The content counts as well: a server that was restored from an old backup uses its ids again.
      const key = JSON.stringify([origin, txnId, sha256(body).toString('base64')])
      const known = this.#answers.get(key)
      if (known !== undefined) return known
      const answer = await this.#take(origin, body)
      this.#answers.set(key, answer)
      return answer
    } finally {
      leave()
    }
  }

  async #take(origin: ServerName, body: Uint8Array): Promise<TransactionAnswer> {
    const { receivedPdus, receivedEdus } = this.#deps
    const text = splitTransaction(body)
    const [pdus, edus] = [await parsePdus(text.pdus), await parseEdus(text.edus)]
    const outcomes: PduOutcomes = pdus.length === 0 ? new Map() : await receivedPdus.receive(origin, pdus)
    // Afterwards, since they speak of events, such as receipts.
    await receivedEdus.receive(origin, edus)
    return answerOf(outcomes)
  }
}

/** Only what was not even looked at counts as an error: the rest will not go better another time. */
function answerOf(outcomes: PduOutcomes): TransactionAnswer {
  return Object.fromEntries(
    [...outcomes].map(([eventId, outcome]) => [eventId, outcome.kind === 'ignored' ? { error: outcome.reason } : {}]),
  )
}
