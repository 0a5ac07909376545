import { s, type EventId, type JsonObject, type RoomId, type Schema, type ServerName } from '@hearth/protocol'
import type { RequestOptions } from '../request-options.ts'
import type { Requests } from '../requests/requests.ts'
import { anyObject } from './answer-schemas.ts'
import { path } from './target.ts'
import { isUnknownEndpoint } from './unknown-endpoint.ts'

/** An invitation for a user of another server. */
export interface Invitation {
  readonly roomVersion: string
  /** The event, signed by its sender's server. */
  readonly event: JsonObject
  /** Some of the room's state, stripped or as PDUs, that shows the invited what they are invited to. */
  readonly inviteRoomState: readonly JsonObject[]
}

/** The versions of rooms that there were when invitations did not say one. */
const firstVersions: ReadonlySet<string> = new Set(['1', '2'])

const signedEvent = s.object({ event: anyObject })
const signedEventV1: Schema<[number, { event: JsonObject }]> = {
  type: 'array',
  items: [{ type: 'integer' }, signedEvent],
  minItems: 2,
  additionalItems: true,
}

/**
 * Version 2 of the API, and version 1 with servers that do not have it.
 * {@link https://spec.matrix.org/v1.19/server-server-api/#put_matrixfederationv2inviteroomideventid}
 */
export async function invite(
  requests: Requests,
  destination: ServerName,
  roomId: RoomId,
  eventId: EventId,
  { roomVersion, event, inviteRoomState }: Invitation,
  options?: RequestOptions,
): Promise<JsonObject> {
  try {
    const answer = await requests.send(
      {
        operation: 'sendInviteV2',
        destination,
        method: 'PUT',
        target: path`/_matrix/federation/v2/invite/${roomId}/${eventId}`,
        body: { room_version: roomVersion, event, invite_room_state: [...inviteRoomState] },
        answer: signedEvent,
      },
      options,
    )
    return answer.event
  } catch (error) {
    if (!isUnknownEndpoint(error) || !firstVersions.has(roomVersion)) throw error
  }
  const unsigned = { ...(event['unsigned'] as JsonObject | undefined), invite_room_state: [...inviteRoomState] }
  const [, answer] = await requests.send(
    {
      operation: 'sendInviteV1',
      destination,
      method: 'PUT',
      target: path`/_matrix/federation/v1/invite/${roomId}/${eventId}`,
      body: { ...event, unsigned },
      answer: signedEventV1,
    },
    options,
  )
  return answer.event
}
