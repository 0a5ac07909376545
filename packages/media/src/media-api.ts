import { administrationAuthenticators, type AdministrationRequesters } from './administration/context.ts'
import { administrationEndpoints } from './administration/endpoints.ts'
import type { Authenticators, Transport } from '@hearth/http'
import { endpoints } from './client/endpoints.ts'
import type { MediaContext, MediaRequesters, MediaServerRequesters } from './context.ts'
import { federationEndpoints } from './federation/endpoints.ts'

/** The content repository for clients, ready to be mounted. Clients of all ages use the names that `v3` had before. */
export function mediaApi(
  context: MediaContext,
  authenticators: Authenticators<MediaRequesters>,
): Transport<MediaContext, MediaRequesters> {
  const aliases = { '/_matrix/media/v3/': ['/_matrix/media/r0/', '/_matrix/media/v1/'] }
  return { endpoints, context, authenticators, aliases }
}

/** The content repository for other servers, ready to be mounted. */
export function mediaFederationApi(
  context: MediaContext,
  authenticators: Authenticators<MediaServerRequesters>,
): Transport<MediaContext, MediaServerRequesters> {
  return { endpoints: federationEndpoints, context, authenticators, crossOrigin: false }
}

/** The administration of files, ready to be mounted, for tools that know Synapse's; not for web pages. */
export function mediaAdministrationApi(
  context: MediaContext,
  authenticators: Authenticators<MediaRequesters>,
): Transport<MediaContext, AdministrationRequesters> {
  return {
    endpoints: administrationEndpoints,
    context,
    authenticators: administrationAuthenticators(authenticators),
    crossOrigin: false,
  }
}
