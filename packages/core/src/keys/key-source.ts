import type { FederationClient } from '@hearth/federation-client'

/** Where answers about keys come from. */
export type KeySource = Pick<FederationClient, 'getServerKeys' | 'queryKeys'>
