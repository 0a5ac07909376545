import type { SigningKey } from '@hearth/crypto'
import type { RequestOptions } from '@hearth/federation-client'
import type { JsonObject, RoomId, ServerName, UserId } from '@hearth/protocol'
import type { BuiltEvent, RoomVersion } from '@hearth/rooms'
import type { Clock } from '@hearth/runtime'
import { ownMemberEvent } from './own-member-event.ts'
import { UnusableAnswer } from './remote-refusal.ts'
import type { ResidentServers } from './resident-servers.ts'

/** A local user's wish to be out of a room elsewhere. */
export interface RemoteLeave {
  readonly userId: UserId
  readonly roomId: RoomId
  readonly version: RoomVersion
  /** The content of the member event, without the membership. */
  readonly content: JsonObject
}

export interface RemoteLeaveDeps {
  readonly servers: Pick<ResidentServers, 'makeLeave' | 'sendLeave'>
  readonly serverName: ServerName
  readonly signingKey: () => SigningKey
  readonly clock: Clock
}

/**
 * Has a server in a room let a local user go; gives the leave.
 * {@link https://spec.matrix.org/v1.19/server-server-api/#leaving-rooms-rejecting-invites}
 *
 * @throws RemoteError, ServerUnreachable, UnusableAnswer
 */
export async function leaveThrough(
  server: ServerName,
  { userId, roomId, version, content }: RemoteLeave,
  options: Pick<RequestOptions, 'deadlineMs' | 'ignoreBackOff'>,
  { servers, serverName, signingKey, clock }: RemoteLeaveDeps,
): Promise<BuiltEvent> {
  const { event: template } = await servers.makeLeave(server, roomId, userId, options)
  const event = ownMemberEvent(
    version,
    template,
    { roomId, userId, membership: 'leave', content },
    { serverName, signingKey: signingKey(), now: clock.now() },
  )
  if (event === undefined) throw new UnusableAnswer(`${server} proposes a leave that is none`)
  await servers.sendLeave(server, roomId, event.eventId, event.pdu, options)
  return event
}
