import type { Requester } from '@hearth/core'
import { administratorsOnly, endpointFor, type Authenticators, type Requesters } from '@hearth/http'
import type { MediaContext, MediaRequesters } from '../context.ts'

/** The ways to authenticate of the administration. */
export interface AdministrationRequesters extends Requesters {
  /** An access token of an administrator of this server. */
  readonly administrator: Requester
}

/** Declares an endpoint of the administration of files. Paths and answers are those of Synapse, which tools know. */
export const administrationEndpoint = endpointFor<MediaContext, AdministrationRequesters>()

/** How administrators are told from others. */
export function administrationAuthenticators({
  userOrGuest,
}: Pick<Authenticators<MediaRequesters>, 'userOrGuest'>): Authenticators<AdministrationRequesters> {
  return { administrator: administratorsOnly(userOrGuest) }
}
