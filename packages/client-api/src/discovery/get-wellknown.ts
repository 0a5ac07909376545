import { s } from '@hearth/protocol'
import { endpoint } from '../context.ts'

/** Where clients find the server of a domain. {@link https://spec.matrix.org/v1.19/client-server-api/#getwell-knownmatrixclient} */
export const getWellknown = endpoint({
  method: 'GET',
  path: '/.well-known/matrix/client',
  auth: 'none',
  response: s.object({ 'm.homeserver': s.object({ base_url: s.string }) }),
  handle({ server }) {
    return { 'm.homeserver': { base_url: server.publicUrl } }
  },
})
