import { RemoteAliases, RemoteDirectories, RemoteProfiles, RemoteRooms } from '@hearth/core'
import type { FederationClient } from '@hearth/federation-client'
import type { ServerName } from '@hearth/protocol'
import type { Clock, Metrics } from '@hearth/runtime'

/** Builds what asks other servers for the sake of clients. */
export function buildRemoteLookups(deps: {
  readonly client: FederationClient
  readonly serverName: ServerName
  readonly clock: Clock
  readonly metrics: Metrics
}) {
  return {
    remoteAliases: new RemoteAliases(deps),
    remoteDirectories: new RemoteDirectories(deps),
    remoteProfiles: new RemoteProfiles(deps),
    remoteRooms: new RemoteRooms(deps),
  }
}
