import { s, type Infer, type RoomAlias, type RoomId, type ServerName } from '@hearth/protocol'
import type { RequestOptions } from '../request-options.ts'
import type { Requests } from '../requests/requests.ts'
import { withQuery } from './target.ts'

const answer = s.object({
  room_id: s.format<RoomId>('mx-room-id'),
  /** Servers that may know the room. Strings of any form. */
  servers: s.array(s.string),
})

/** The room of an alias. */
export type DirectoryAnswer = Infer<typeof answer>

/** {@link https://spec.matrix.org/v1.19/server-server-api/#get_matrixfederationv1querydirectory} */
export function queryDirectory(
  requests: Requests,
  destination: ServerName,
  alias: RoomAlias,
  options?: RequestOptions,
): Promise<DirectoryAnswer> {
  return requests.send(
    {
      operation: 'queryRoomDirectory',
      destination,
      method: 'GET',
      target: withQuery('/_matrix/federation/v1/query/directory', { room_alias: alias }),
      answer,
      limits: { maxBytes: 1024 * 1024 },
    },
    options,
  )
}
