import { s, type RoomId } from '@hearth/protocol'
import { endpoint } from '../context.ts'
import { pdu, pduBody } from '../pdu.ts'

/** Invites whom an invited address turned out to belong to. {@link https://spec.matrix.org/v1.19/server-server-api/#put_matrixfederationv1exchange_third_party_inviteroomid} */
export const exchangeThirdPartyInvite = endpoint({
  method: 'PUT',
  path: '/_matrix/federation/v1/exchange_third_party_invite/:roomId',
  auth: 'server',
  ...pduBody,
  params: s.object({ roomId: s.format<RoomId>('mx-room-id') }),
  body: pdu,
  response: s.object({}),
  async handle({ thirdPartyInvites }, { params, body, requester }) {
    await thirdPartyInvites.exchange(requester.origin, params.roomId, body)
    return {}
  },
})
