import { s, type EventId } from '@hearth/protocol'
import { endpoint } from '../context.ts'
import { pduTransaction, pduTransactionAnswer } from '../pdu.ts'

/** One event. {@link https://spec.matrix.org/v1.19/server-server-api/#get_matrixfederationv1eventeventid} */
export const getEvent = endpoint({
  method: 'GET',
  path: '/_matrix/federation/v1/event/:eventId',
  auth: 'server',
  params: s.object({ eventId: s.format<EventId>('mx-event-id') }),
  response: pduTransaction,
  async handle(context, { params, requester }) {
    return pduTransactionAnswer(context, [await context.servedEvents.event(requester.origin, params.eventId)])
  },
})
