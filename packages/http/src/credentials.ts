import { MatrixError } from '@hearth/protocol'
import type { QueryParameters } from './query.ts'

/**
 * The access token of a request, from `Authorization: Bearer …` or from the query, or undefined when it has none.
 * {@link https://spec.matrix.org/v1.19/client-server-api/#using-access-tokens}
 *
 * Node keeps only the first of several Authorization headers, and a proxy may look at another one than we do, so the
 * raw headers are read and an ambiguous request is refused.
 * @throws MatrixError 401 `M_MISSING_TOKEN` when there are several, or an Authorization header of another scheme.
 */
export function accessToken(rawHeaders: readonly string[], query: () => QueryParameters): string | undefined {
  let header: string | undefined
  for (let i = 0; i < rawHeaders.length; i += 2) {
    const name = rawHeaders[i]!
    if (name.length !== 13 || name.toLowerCase() !== 'authorization') continue
    if (header !== undefined) throw ambiguous('more than one Authorization header')
    header = rawHeaders[i + 1]
  }
  const inQuery = query().get('access_token')
  if (header === undefined) {
    if (inQuery !== undefined && inQuery.length > 1) throw ambiguous('more than one access_token')
    return inQuery?.[0]
  }
  if (inQuery !== undefined) throw ambiguous('an Authorization header and an access_token')
  const token = /^bearer +([^\s]+)$/i.exec(header)?.[1]
  if (token === undefined) throw new MatrixError('M_MISSING_TOKEN', 'The Authorization header holds no access token')
  return token
}

function ambiguous(what: string): MatrixError {
  return new MatrixError('M_MISSING_TOKEN', `The request has ${what}`)
}
