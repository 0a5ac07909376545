import type { HttpClient } from './client/http-client.ts'
import type { RegistrationOptions } from './client/registration.ts'
import type { FakeFederation } from './federation/fake-federation.ts'
import type { Measurements } from './metrics.ts'
import type { Population } from './population.ts'
import type { Scale } from './scale.ts'
import type { ServerFigures } from './servers/server-figures.ts'

/** What a scenario works with: one server and everything known about it. */
export interface Bench {
  readonly http: HttpClient
  /** One for each process of the server. */
  readonly https: readonly HttpClient[]
  readonly registration: RegistrationOptions
  readonly population: Population
  readonly scale: Scale
  /** Memory, event-loop lag and WAL, as far as they can be had. */
  readonly figures: ServerFigures
  /** Where the server is. */
  readonly base: string
  /** Other servers, where the measured one can reach them: where the benchmark has started it. */
  readonly federation: FakeFederation | undefined
}

/** One thing that is measured. It is run once for each round, in the same population. */
export interface Scenario {
  readonly name: string
  /** One sentence for `--help` and the documentation. */
  readonly summary: string
  /** Only run when named or with `--full`, because its preparation takes long. */
  readonly onlyFull?: boolean
  /** Only run in the first round, because it needs a server that has done little before. */
  readonly onlyFirstRound?: boolean
  /** Only run where there are other servers. */
  readonly needsFederation?: boolean
  /** Only run where the server has several processes. */
  readonly needsProcesses?: boolean
  run(bench: Bench): Promise<Measurements>
}
