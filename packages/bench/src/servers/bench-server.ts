import type { RegistrationOptions } from '../client/registration.ts'
import type { FakeFederation } from '../federation/fake-federation.ts'

/** A server that is measured. */
export interface BenchServer {
  /** The name in the report. */
  readonly name: string
  readonly base: string
  /** Further processes of it. */
  readonly otherBases?: readonly string[]
  /** Where the server does not say it at `/_matrix/federation/v1/version`. */
  readonly version?: string
  readonly pid?: number | undefined
  readonly databaseUrl?: string | undefined
  readonly registration: RegistrationOptions
  /** Seconds from the start of the process to the first answer; only for a server that the benchmark started. */
  readonly starts?: { readonly first: number; readonly later: number }
  /** Other servers, which it knows how to reach; only for a server that the benchmark started. */
  readonly federation?: FakeFederation
  stop(): Promise<void>
}

/** A server that runs already, with rate limits off. */
export function externalServer(options: {
  readonly bases: readonly string[]
  readonly pid?: number | undefined
  readonly databaseUrl?: string | undefined
  readonly registrationSecret?: string | undefined
}): BenchServer {
  const [base, ...otherBases] = options.bases as [string]
  return {
    name: options.bases.map((url) => new URL(url).host).join('+'),
    base,
    otherBases,
    pid: options.pid,
    databaseUrl: options.databaseUrl,
    registration: { secret: options.registrationSecret },
    stop: async () => {},
  }
}
