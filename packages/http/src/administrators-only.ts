import { forbidden } from '@hearth/protocol'
import type { Authenticator } from './authentication.ts'

/** Lets through only those whom another authenticator finds to be administrators. */
export function administratorsOnly<Requester extends { readonly isAdmin: boolean }>(
  authenticate: Authenticator<Requester>,
): Authenticator<Requester> {
  return async (request) => {
    const authenticated = await authenticate(request)
    if (!authenticated.requester.isAdmin) throw forbidden('Only administrators may do this')
    return authenticated
  }
}
