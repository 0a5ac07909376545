import type { FederationClient } from '@hearth/federation-client'

/** The operations of other servers that filling a gap takes. */
export type GapSource = Pick<
  FederationClient,
  'getMissingEvents' | 'getStateIds' | 'getState' | 'getEventAuth' | 'getEvent'
>
