import { s, type JsonObject } from '@hearth/protocol'
import { endpoint } from '../context.ts'
import { v3 } from '../paths.ts'

/** Sends messages to devices. {@link https://spec.matrix.org/v1.19/client-server-api/#put_matrixclientv3sendtodeviceeventtypetxnid} */
export const sendToDevice = endpoint({
  method: 'PUT',
  path: v3('/sendToDevice/:eventType/:txnId'),
  auth: 'userOrGuest',
  rateLimit: 'toDevice',
  params: s.object({ eventType: s.string, txnId: s.string }),
  body: s.object({ messages: s.record(s.record(s.record<unknown>(s.unknown))) }),
  response: s.object({}),
  async handle({ toDeviceSender }, { params, body, requester }) {
    const messages = body.messages as Readonly<Record<string, Readonly<Record<string, JsonObject>>>>
    await toDeviceSender.send({ requester, type: params.eventType, txnId: params.txnId, messages })
    return {}
  },
})
