import { jsonBytes } from '@hearth/http'
import { s } from '@hearth/protocol'
import { endpoint } from '../context.ts'

const MiB = 1024 * 1024

/**
 * Takes in events and EDUs of another server. The answer comes when they are stored; events that cannot be taken in do not
 * keep the others from it.
 * {@link https://spec.matrix.org/v1.19/server-server-api/#put_matrixfederationv1sendtxnid}
 */
export const sendTransaction = endpoint({
  method: 'PUT',
  path: '/_matrix/federation/v1/send/:txnId',
  auth: 'server',
  maxBodyBytes: 10 * MiB,
  params: s.object({ txnId: s.string }),
  body: jsonBytes,
  response: s.object({ pdus: s.record(s.object({ error: s.optional(s.string) })) }),
  async handle({ receivedTransactions }, { requester, params, body, signal }) {
    return { pdus: await receivedTransactions.receive(requester.origin, { txnId: params.txnId, body, signal }) }
  },
})
