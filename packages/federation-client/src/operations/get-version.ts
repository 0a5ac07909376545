import { s, type ServerName } from '@hearth/protocol'
import type { RequestOptions } from '../request-options.ts'
import type { Requests } from '../requests/requests.ts'

/** The software of a server, as far as it says. */
export interface ServerVersion {
  readonly name?: string
  readonly version?: string
}

const answer = s.object({
  server: s.optional(s.object({ name: s.optional(s.string), version: s.optional(s.string) })),
})

/** {@link https://spec.matrix.org/v1.19/server-server-api/#get_matrixfederationv1version} */
export async function getVersion(
  requests: Requests,
  destination: ServerName,
  options?: RequestOptions,
): Promise<ServerVersion> {
  const { server = {} } = await requests.send(
    {
      operation: 'getVersion',
      destination,
      method: 'GET',
      target: '/_matrix/federation/v1/version',
      signed: false,
      answer,
      limits: { maxBytes: 64 * 1024 },
    },
    options,
  )
  return server
}
