import type { RoomId, ServerName, UserId } from '@hearth/protocol'
import type { RequestOptions } from '../request-options.ts'
import type { Requests } from '../requests/requests.ts'
import { membershipTemplate, type MembershipTemplate } from './membership-template.ts'
import { path } from './target.ts'

/** {@link https://spec.matrix.org/v1.19/server-server-api/#get_matrixfederationv1make_leaveroomiduserid} */
export async function makeLeave(
  requests: Requests,
  destination: ServerName,
  roomId: RoomId,
  userId: UserId,
  options?: RequestOptions,
): Promise<MembershipTemplate> {
  const { room_version = '1', event } = await requests.send(
    {
      operation: 'makeLeave',
      destination,
      method: 'GET',
      target: path`/_matrix/federation/v1/make_leave/${roomId}/${userId}`,
      answer: membershipTemplate,
    },
    options,
  )
  return { room_version, event }
}
