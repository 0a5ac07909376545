import type { FederationPolicy, KeyRing } from '@hearth/core'
import { addressGroup, type AuthenticationRequest, type Authenticator } from '@hearth/http'
import { forbidden, invalidParam, isServerName, MatrixError, type ServerName } from '@hearth/protocol'
import type { OriginLoad } from './origin-load.ts'
import { isSignedBy, type RewriteLimit } from './signed-request.ts'
import { parseXMatrixHeader, type XMatrixHeader } from './x-matrix-header.ts'

/** Another server, which has signed its request. */
export interface ServerRequester {
  readonly origin: ServerName
}

export interface ServerAuthenticatorDeps {
  readonly serverName: ServerName
  readonly keyRing: KeyRing
  readonly policy: FederationPolicy
  readonly originLoad: OriginLoad
  /** Is told of each server that has signed a request: it is there. */
  readonly health: { contact(origin: ServerName): void }
  /** Counts against an address that it names a server whose keys have to be asked for. @throws MatrixError 429. */
  readonly countUnknownOrigin: (address: string) => Promise<void>
  /** Counts against an address what it has us do with bodies whose signatures are not right as they stand. */
  readonly rewritesFor: (address: string) => RewriteLimit
}

/** Requests that are signed with more keys than this are not looked at: nobody has reason to make them. */
const maxSignatures = 10
const upperCase = /[A-Z]/

/**
 * Finds out which server asks.
 * {@link https://spec.matrix.org/v1.19/server-server-api/#request-authentication}
 */
export function serverAuthenticator(deps: ServerAuthenticatorDeps): Authenticator<ServerRequester> {
  const { serverName, keyRing, policy, originLoad, health, countUnknownOrigin, rewritesFor } = deps
  return async (request) => {
    const { origin, signatures } = readHeaders(request, serverName)
    if (!policy.allows(origin)) throw forbidden('This server does not talk to yours')
    const address = addressGroup(request.ip)
    const keyIds = signatures.map(({ key }) => key)
    const keys = await keyRing.findCurrent(origin, keyIds, () => countUnknownOrigin(address))
    const known = signatures.flatMap(({ key: keyId, sig }) => {
      const key = keys.get(keyId)
      return key === undefined ? [] : [{ key, sig }]
    })
    if (known.length === 0) throw unauthorized('No key that the request is signed with is one of the server now')
    // Not before: a body of an unknown server's is not worth its memory.
    const body = await request.body()
    const { method, target } = request
    const signed = { method, target, origin, destination: serverName, body }
    if (!(await isSignedBy(signed, known, rewritesFor(address)))) {
      throw unauthorized('The signature of the request is wrong')
    }
    health.contact(origin)
    const leave = await originLoad.enter(origin, request.signal)
    return { requester: { origin }, subject: origin, onEnd: leave }
  }
}

/** What the headers say, as far as they can be right. @throws MatrixError 401 `M_UNAUTHORIZED`, 400 `M_INVALID_PARAM`. */
function readHeaders(
  { rawHeaders }: AuthenticationRequest,
  serverName: ServerName,
): { readonly origin: ServerName; readonly signatures: readonly XMatrixHeader[] } {
  const signatures: XMatrixHeader[] = []
  for (let i = 0; i < rawHeaders.length; i += 2) {
    if (rawHeaders[i]!.toLowerCase() !== 'authorization') continue
    const header = parseXMatrixHeader(rawHeaders[i + 1]!)
    if (header === undefined) throw unauthorized('The Authorization header is not one of X-Matrix, or malformed')
    if (signatures.push(header) > maxSignatures) throw unauthorized('The request has too many signatures')
  }
  const [first] = signatures
  if (first === undefined) throw unauthorized('The request is not signed')
  const { origin } = first
  if (!isServerName(origin)) throw invalidParam('The origin of the request is not the name of a server')
  if (upperCase.test(origin) || origin === serverName) {
    throw unauthorized('The origin of the request is not the name of another server')
  }
  if (new Set(signatures.map(({ key }) => key)).size < signatures.length) {
    throw unauthorized('The request has two signatures with the same key')
  }
  for (const header of signatures) {
    if (header.origin !== origin) throw unauthorized('The request is signed by several servers')
    if (header.destination !== undefined && header.destination !== serverName) {
      throw unauthorized('The request is for another server')
    }
  }
  return { origin, signatures }
}

function unauthorized(message: string): MatrixError {
  return new MatrixError('M_UNAUTHORIZED', message)
}
