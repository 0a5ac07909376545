import type { FederationClient, Network } from '@hearth/federation-client'
import type { Config } from '../generated/config.ts'
import type { PublicRequests } from './public-requests.ts'

/** What one check found out. */
export interface Finding {
  /** `skipped`: it could not be found out from here, and the message says why. */
  readonly level: 'ok' | 'warning' | 'error' | 'skipped'
  readonly message: string
  /** The line to change, or what to do. */
  readonly fix?: string
}

/** What the checks look at a deployment with. */
export interface DoctorContext {
  readonly config: Config
  readonly network: Network
  readonly requests: PublicRequests
  /** Asks as another server would. */
  readonly federationClient: FederationClient
  /** Milliseconds since the epoch. */
  readonly now: () => number
}

/** One question about the deployment. It throws only for what it did not foresee. */
export type Check = (context: DoctorContext, signal: AbortSignal) => Promise<readonly Finding[]>

export function ok(message: string): Finding {
  return { level: 'ok', message }
}

export function skipped(message: string): Finding {
  return { level: 'skipped', message }
}

export function warning(message: string, fix: string): Finding {
  return { level: 'warning', message, fix }
}

export function error(message: string, fix: string): Finding {
  return { level: 'error', message, fix }
}

/** Why something failed, in one line. */
export function reasonOf(failure: unknown): string {
  if (!(failure instanceof Error)) return String(failure)
  // A host with several addresses fails with an error that has a code and no text.
  return failure.message === '' ? ((failure as NodeJS.ErrnoException).code ?? failure.name) : failure.message
}
