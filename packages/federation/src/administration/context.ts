import type { Requester } from '@hearth/core'
import { endpointFor, type Requesters } from '@hearth/http'
import type { ServerName } from '@hearth/protocol'
import type { Store } from '@hearth/store'
import type { ServerHealth } from '../sending/server-health.ts'

/** What the administration of federation uses. */
export interface FederationAdministrationContext {
  readonly store: Pick<Store, 'fedDestinations' | 'roomServers' | 'servers'>
  readonly health: Pick<ServerHealth, 'reset'>
}

/** The ways to authenticate of the administration. */
export interface AdministrationRequesters extends Requesters {
  /** An access token of an administrator of this server. */
  readonly administrator: Requester
}

/** Declares an endpoint of the administration of federation. Paths and answers are those of Synapse, which tools know. */
export const administrationEndpoint = endpointFor<FederationAdministrationContext, AdministrationRequesters>()

/** A server by the name in a path, which is anything. */
export const asServerName = (name: string): ServerName => name as ServerName
