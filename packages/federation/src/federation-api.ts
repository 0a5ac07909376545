import type { Transport } from '@hearth/http'
import { serverAuthenticator, type ServerAuthenticatorDeps } from './authentication/server-authenticator.ts'
import type { FederationContext, FederationRequesters } from './context.ts'
import { endpoints } from './endpoints.ts'

/** The server-server API, ready to be mounted. Web pages have no business with it. */
export function federationApi(
  context: FederationContext,
  authentication: ServerAuthenticatorDeps,
): Transport<FederationContext, FederationRequesters> {
  return { endpoints, context, crossOrigin: false, authenticators: { server: serverAuthenticator(authentication) } }
}
