import { HttpClient } from './client/http-client.ts'
import type { Measurements } from './metrics.ts'
import type { Options } from './options.ts'
import { Population } from './population.ts'
import type { Failure, ServerResult } from './report/report.ts'
import type { Scenario } from './scenario.ts'
import { scenarios } from './scenarios/all.ts'
import type { BenchServer } from './servers/bench-server.ts'
import type { ProcessMemory } from './servers/process-memory.ts'
import { ServerFigures } from './servers/server-figures.ts'

/**
 * Runs the chosen scenarios, round by round, against one server. A scenario that a server does not stand leaves its figures
 * out and is named among the failures; the others go on. @param say is told what goes on
 */
export async function measure(
  server: BenchServer,
  options: Options,
  say: (line: string) => void,
): Promise<ServerResult> {
  const https = [server.base, ...(server.otherBases ?? [])].map((base) => new HttpClient(base))
  const [http] = https as [HttpClient]
  const figures = new ServerFigures(server)
  const { registration } = server
  const { scale } = options
  const population = new Population({ https, registration, scale })
  const bench = {
    http,
    https,
    registration,
    population,
    scale,
    figures,
    base: server.base,
    federation: server.federation,
  }
  try {
    const version = server.version ?? (await versionOf(http))
    const atStart = memoryFigures('idleMemory', 'idleDatabaseMemory', await figures.memory())
    const rounds: Measurements[] = []
    const failures: Failure[] = []
    for (let round = 1; round <= scale.rounds; round++) {
      let results: Measurements = {}
      for (const scenario of chosen(options, server).filter(
        ({ onlyFirstRound = false }) => round === 1 || !onlyFirstRound,
      )) {
        say(`${server.name}: ${scenario.name}, round ${round} of ${scale.rounds}`)
        try {
          results = { ...results, ...(await scenario.run(bench)) }
        } catch (error) {
          const reason = (error as Error).message
          say(`${server.name}: ${scenario.name} failed: ${reason}`)
          failures.push({ scenario: scenario.name, round, reason })
        }
      }
      rounds.push(results)
    }
    const atEnd = memoryFigures('loadedMemory', 'loadedDatabaseMemory', await figures.memory())
    return { name: server.name, version, once: { ...startsOf(server), ...atStart, ...atEnd }, rounds, failures }
  } finally {
    for (const each of https) each.close()
  }
}

function chosen(
  { scenarios: names, full }: Options,
  { federation, otherBases = [] }: BenchServer,
): readonly Scenario[] {
  const known = scenarios.filter(
    ({ needsFederation = false, needsProcesses = false }) =>
      (federation !== undefined || !needsFederation) && (otherBases.length > 0 || !needsProcesses),
  )
  if (names.length > 0) return known.filter(({ name }) => names.includes(name))
  return known.filter(({ onlyFull = false }) => full || !onlyFull)
}

function startsOf({ starts }: BenchServer): Measurements {
  return starts ? { firstStart: starts.first, laterStart: starts.later } : {}
}

function memoryFigures(
  own: 'idleMemory' | 'loadedMemory',
  database: 'idleDatabaseMemory' | 'loadedDatabaseMemory',
  memory: ProcessMemory | undefined,
): Measurements {
  if (!memory) return {}
  const megabytes = (bytes: number) => bytes / 1_000_000
  return { [own]: megabytes(memory.own), ...(memory.database > 0 && { [database]: megabytes(memory.database) }) }
}

async function versionOf(http: HttpClient): Promise<string> {
  const path = '/_matrix/federation/v1/version'
  const { body } = await http.send<{ server?: { version?: string } }>({ method: 'GET', path })
  return body.server?.version ?? ''
}
