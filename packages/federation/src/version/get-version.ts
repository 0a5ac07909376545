import { s } from '@hearth/protocol'
import { endpoint } from '../context.ts'

/** What this server is, for anybody who asks. {@link https://spec.matrix.org/v1.19/server-server-api/#get_matrixfederationv1version} */
export const getVersion = endpoint({
  method: 'GET',
  path: '/_matrix/federation/v1/version',
  auth: 'none',
  response: s.object({ server: s.object({ name: s.string, version: s.string }) }),
  handle({ server }) {
    return { server: { name: 'Hearth', version: server.version } }
  },
})
