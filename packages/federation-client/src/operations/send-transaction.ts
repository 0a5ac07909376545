import { s, type ServerName } from '@hearth/protocol'
import type { RequestOptions } from '../request-options.ts'
import type { Requests } from '../requests/requests.ts'
import { path } from './target.ts'

/** What became of each PDU, by event id: an empty object, or why it was refused. */
export type TransactionResults = Readonly<Record<string, { readonly error?: unknown }>>

const answer = s.object({ pdus: s.optional(s.record(s.object({ error: s.optional(s.unknown) }))) })

/** {@link https://spec.matrix.org/v1.19/server-server-api/#put_matrixfederationv1sendtxnid} */
export async function sendTransaction(
  requests: Requests,
  destination: ServerName,
  txnId: string,
  bodyJson: string,
  options?: RequestOptions,
): Promise<TransactionResults> {
  const { pdus = {} } = await requests.send(
    {
      operation: 'sendTransaction',
      destination,
      method: 'PUT',
      target: path`/_matrix/federation/v1/send/${txnId}`,
      body: bodyJson,
      answer,
      limits: { firstByteMs: 60_000, totalMs: 60_000 },
    },
    options,
  )
  return pdus
}
