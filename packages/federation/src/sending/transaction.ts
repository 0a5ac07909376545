import { createHash } from 'node:crypto'
import type { ServerName } from '@hearth/protocol'

/** An EDU as canonical JSON. */
export interface OutgoingEdu {
  readonly json: string
  /** What tells it from another one with the same text. */
  readonly id: string
}

/** What one transaction carries. */
export interface TransactionParts {
  readonly origin: ServerName
  readonly originServerTs: number
  /** Canonical JSON of events, as they are stored. */
  readonly pdus: readonly string[]
  readonly edus: readonly OutgoingEdu[]
}

/** A transaction's body as canonical JSON, put together without parsing anything: events are stored in that form. */
export function transactionBody({ origin, originServerTs, pdus, edus }: TransactionParts): string {
  const eduTexts = edus.map(({ json }) => json).join(',')
  const end = `"origin":${JSON.stringify(origin)},"origin_server_ts":${originServerTs},"pdus":[${pdus.join(',')}]}`
  return `{"edus":[${eduTexts}],${end}`
}

/**
 * The id of a transaction: the same for the same parts, after a restart too, so that a server that has taken it already
 * recognizes its repetition.
 * {@link https://spec.matrix.org/v1.19/server-server-api/#transactions}
 */
export function transactionId({ pdus, edus }: Pick<TransactionParts, 'pdus' | 'edus'>): string {
  const hash = createHash('sha256')
  for (const pdu of pdus) hash.update(pdu).update('\0')
  for (const { id } of edus) hash.update('\x01').update(id)
  return hash.digest('base64url').slice(0, 32)
}
