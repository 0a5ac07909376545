import type { FederationClient } from '@hearth/federation-client'
import { isServerName, serverOf, type RoomId, type ServerName } from '@hearth/protocol'

/** What is asked of the servers in a room by one that is not. */
export type ResidentServers = Pick<
  FederationClient,
  'makeJoin' | 'sendJoin' | 'makeLeave' | 'sendLeave' | 'makeKnock' | 'sendKnock' | 'getEvent' | 'invite'
>

/** How many servers are tried for one wish. */
const maxServers = 20

/**
 * The servers that may be in a room: those that somebody names, in their order, then that in the room's id. This server
 * itself is left out.
 */
export function candidateServers(
  roomId: RoomId,
  named: readonly (string | undefined)[],
  serverName: ServerName,
): ServerName[] {
  // Room ids of version 12 name no server.
  const inId = roomId.includes(':') ? [serverOf(roomId)] : []
  const candidates = [...named, ...inId].filter(
    (server): server is ServerName => server !== undefined && server !== serverName && isServerName(server),
  )
  return [...new Set(candidates)].slice(0, maxServers)
}
