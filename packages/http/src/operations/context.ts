import type { Metrics } from '@hearth/runtime'
import { endpointFor, type Requesters } from '../endpoint.ts'

/** What those who run the server watch it by. */
export interface OperationsContext {
  /** Why the server cannot answer requests as it should; undefined when it can. */
  readonly findTrouble: () => Promise<string | undefined> | string | undefined
  readonly metrics: Metrics
}

/** The ways to authenticate of the endpoints for operators. */
export interface OperationsRequesters extends Requesters {
  /** Somebody who may see the figures. Nothing more is known. */
  readonly operator: undefined
}

/** Declares an endpoint for those who run the server. */
export const endpoint = endpointFor<OperationsContext, OperationsRequesters>()
