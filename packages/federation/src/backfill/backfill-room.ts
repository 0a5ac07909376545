import { s, type EventId, type RoomId } from '@hearth/protocol'
import { endpoint } from '../context.ts'
import { pduTransaction, pduTransactionAnswer } from '../pdu.ts'

/** Events and those before them. {@link https://spec.matrix.org/v1.19/server-server-api/#get_matrixfederationv1backfillroomid} */
export const backfillRoom = endpoint({
  method: 'GET',
  path: '/_matrix/federation/v1/backfill/:roomId',
  auth: 'server',
  params: s.object({ roomId: s.format<RoomId>('mx-room-id') }),
  query: s.object({
    limit: s.refine(s.integer, { minimum: 1 }),
    v: s.array(s.format<EventId>('mx-event-id')),
  }),
  response: pduTransaction,
  async handle(context, { params, query, requester }) {
    const events = await context.servedEvents.backfill(requester.origin, params.roomId, query.v, query.limit)
    return pduTransactionAnswer(context, events)
  },
})
