import { Answer } from '@hearth/http'
import { notFound, s } from '@hearth/protocol'
import { endpoint } from '../context.ts'
import { delegateOf } from './delegate-of.ts'

/** Where other servers find this one. {@link https://spec.matrix.org/v1.19/server-server-api/#getwell-knownmatrixserver} */
export const getWellKnown = endpoint({
  method: 'GET',
  path: '/.well-known/matrix/server',
  auth: 'none',
  response: s.object({ 'm.server': s.string }),
  handle({ server: { serverName, publicUrl } }) {
    const delegate = publicUrl === undefined ? undefined : delegateOf(serverName, publicUrl)
    if (delegate === undefined) throw notFound('This server is found by its name')
    return new Answer({ headers: { 'cache-control': 'public, max-age=3600' }, body: { 'm.server': delegate } })
  },
})
