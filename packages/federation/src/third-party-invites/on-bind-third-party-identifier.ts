import { s, type JsonObject, type RoomId, type Schema, type UserId } from '@hearth/protocol'
import { endpoint } from '../context.ts'

const signed: Schema<JsonObject> = { type: 'object' }

/**
 * An identity server tells that an address is a user's, and which invitations wait for it. It may be anybody who says so.
 * {@link https://spec.matrix.org/v1.19/server-server-api/#put_matrixfederationv13pidonbind}
 */
export const onBindThirdPartyIdentifier = endpoint({
  method: 'PUT',
  path: '/_matrix/federation/v1/3pid/onbind',
  auth: 'none',
  rateLimit: 'onBind',
  body: s.object({
    address: s.string,
    invites: s.array(
      s.object({
        mxid: s.format<UserId>('mx-user-id'),
        room_id: s.format<RoomId>('mx-room-id'),
        sender: s.format<UserId>('mx-user-id'),
        signed,
      }),
      { maxItems: 100 },
    ),
    medium: s.string,
    mxid: s.format<UserId>('mx-user-id'),
  }),
  response: s.object({}),
  async handle({ thirdPartyInvites }, { body }) {
    const own = body.invites.filter(({ mxid }) => mxid === body.mxid)
    const invites = own.map(({ room_id: roomId, ...invite }) => ({ ...invite, roomId }))
    await thirdPartyInvites.askFor(body.mxid, invites)
    return {}
  },
})
