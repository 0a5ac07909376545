import {
  Backfill,
  FetchedEvents,
  OutlierIntake,
  PastEvents,
  PastSearch,
  PduVerifier,
  StateResolver,
  TimelineReader,
  type RoomEvents,
  type TimelineScanner,
  type VerifyKeys,
} from '@hearth/core'
import type { FederationClient } from '@hearth/federation-client'
import type { ServerName } from '@hearth/protocol'
import type { Clock, Lifecycle, Logger, Metrics } from '@hearth/runtime'
import type { Store } from '@hearth/store'

export interface BackfillParts {
  readonly store: Store
  readonly serverName: ServerName
  readonly events: RoomEvents
  readonly scanner: TimelineScanner
  readonly federationClient: FederationClient
  readonly keyRing: VerifyKeys
  readonly lifecycle: Lifecycle
  readonly clock: Clock
  readonly logger: Logger
  readonly metrics: Metrics
}

/** Builds what reads timelines, and fetches what they lack from other servers. */
export function buildBackfill(deps: BackfillParts) {
  const pduVerifier = new PduVerifier({ keys: deps.keyRing })
  const stateResolver = new StateResolver(deps)
  const intake = new OutlierIntake(deps)
  const fetched = new FetchedEvents({ client: deps.federationClient, verifier: pduVerifier, intake })
  const past = new PastEvents({ ...deps, resolver: stateResolver })
  const backfill = new Backfill({ ...deps, fetched, past })
  deps.lifecycle.add({ name: 'backfill', stop: () => backfill.stop() })
  const pastSearch = new PastSearch({ ...deps, backfill })
  const timelineReader = new TimelineReader({ ...deps, backfill })
  return { pduVerifier, stateResolver, pastSearch, timelineReader }
}
