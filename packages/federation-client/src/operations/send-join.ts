import { s, type EventId, type JsonObject, type RoomId, type Schema, type ServerName } from '@hearth/protocol'
import type { RequestOptions } from '../request-options.ts'
import type { Requests } from '../requests/requests.ts'
import { anyObject, pdus } from './answer-schemas.ts'
import { longAnswer } from './long-answer.ts'
import { pduLists, type OnPdu } from './pdu-lists.ts'
import { path, withQuery } from './target.ts'
import { isUnknownEndpoint } from './unknown-endpoint.ts'

/** The room as it was before the join. */
export interface SendJoinAnswer {
  readonly state: readonly JsonObject[]
  readonly auth_chain: readonly JsonObject[]
  /** The join as the resident server signed it, for a restricted join. */
  readonly event?: JsonObject
  /** Whether `state` lacks members. */
  readonly members_omitted?: boolean
  /** The servers in the room, when members were left out. Strings of any form. */
  readonly servers_in_room?: readonly string[]
}

export interface SendJoinOptions extends RequestOptions {
  /** Whether to ask for state without members. */
  readonly omitMembers?: boolean
  /** Takes the PDUs as they arrive, so that `state` and `auth_chain` of the answer stay empty. */
  readonly onPdu?: OnPdu<'state' | 'auth_chain'>
}

const answer = s.object({
  state: pdus,
  auth_chain: pdus,
  event: s.optional(anyObject),
  members_omitted: s.optional(s.boolean),
  servers_in_room: s.optional(s.array(s.string)),
})

const answerV1: Schema<[number, { state: JsonObject[]; auth_chain: JsonObject[] }]> = {
  type: 'array',
  items: [{ type: 'integer' }, s.object({ state: s.array(anyObject), auth_chain: s.array(anyObject) })],
  minItems: 2,
  additionalItems: true,
}
/** Such an answer is read as a whole. */
const maxBytesV1 = 8 * 1024 * 1024

/**
 * Version 2 of the API, and version 1 with servers that do not have it.
 * {@link https://spec.matrix.org/v1.19/server-server-api/#put_matrixfederationv2send_joinroomideventid}
 */
export async function sendJoin(
  requests: Requests,
  destination: ServerName,
  roomId: RoomId,
  eventId: EventId,
  event: JsonObject,
  { omitMembers, onPdu, ...options }: SendJoinOptions = {},
): Promise<SendJoinAnswer> {
  try {
    return await requests.send(
      {
        operation: 'sendJoinV2',
        destination,
        method: 'PUT',
        target: withQuery(path`/_matrix/federation/v2/send_join/${roomId}/${eventId}`, { omit_members: omitMembers }),
        body: event,
        answer,
        lists: pduLists(['state', 'auth_chain'], onPdu),
        limits: longAnswer,
      },
      options,
    )
  } catch (error) {
    if (!isUnknownEndpoint(error)) throw error
  }
  const [, room] = await requests.send(
    {
      operation: 'sendJoinV1',
      destination,
      method: 'PUT',
      target: path`/_matrix/federation/v1/send_join/${roomId}/${eventId}`,
      body: event,
      answer: answerV1,
      limits: { ...longAnswer, maxBytes: maxBytesV1 },
    },
    options,
  )
  if (onPdu === undefined) return room
  for (const list of ['state', 'auth_chain'] as const) for (const pdu of room[list]) await onPdu(list, pdu)
  return { state: [], auth_chain: [] }
}
