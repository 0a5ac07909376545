import type { RoomId, ServerName, UserId } from '@hearth/protocol'
import type { RequestOptions } from '../request-options.ts'
import type { Requests } from '../requests/requests.ts'
import { membershipTemplate, type MembershipTemplate } from './membership-template.ts'
import { path, withQuery } from './target.ts'

/** {@link https://spec.matrix.org/v1.19/server-server-api/#get_matrixfederationv1make_joinroomiduserid} */
export async function makeJoin(
  requests: Requests,
  destination: ServerName,
  roomId: RoomId,
  userId: UserId,
  roomVersions: readonly string[],
  options?: RequestOptions,
): Promise<MembershipTemplate> {
  const { room_version = '1', event } = await requests.send(
    {
      operation: 'makeJoin',
      destination,
      method: 'GET',
      target: withQuery(path`/_matrix/federation/v1/make_join/${roomId}/${userId}`, { ver: roomVersions }),
      answer: membershipTemplate,
    },
    options,
  )
  return { room_version, event }
}
