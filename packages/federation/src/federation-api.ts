import type { Requester } from '@hearth/core'
import { administratorsOnly, type Authenticator, type Transport } from '@hearth/http'
import type { AdministrationRequesters, FederationAdministrationContext } from './administration/context.ts'
import { administrationEndpoints } from './administration/endpoints.ts'
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

/** The administration of federation, ready to be mounted, for tools that know Synapse's; not for web pages. */
export function federationAdministrationApi(
  context: FederationAdministrationContext,
  { userOrGuest }: { readonly userOrGuest: Authenticator<Requester> },
): Transport<FederationAdministrationContext, AdministrationRequesters> {
  return {
    endpoints: administrationEndpoints,
    context,
    authenticators: { administrator: administratorsOnly(userOrGuest) },
    crossOrigin: false,
  }
}
