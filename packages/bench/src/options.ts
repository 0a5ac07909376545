import { parseArgs } from 'node:util'

import { normalScale, quickScale } from './scale.ts'
import type { Scale } from './scale.ts'
import { scenarios } from './scenarios/all.ts'

/** How the benchmark was called. */
export interface Options {
  readonly help: boolean
  /** Several are processes of one server. */
  readonly bases: readonly string[]
  /** Deployments of so many processes to start and measure, one after the other. */
  readonly processes: readonly number[]
  readonly pid: number | undefined
  readonly databaseUrl: string | undefined
  readonly registrationSecret: string | undefined
  readonly compareSynapse: boolean
  readonly scenarios: readonly string[]
  readonly full: boolean
  readonly scaleName: 'normal' | 'quick'
  readonly scale: Scale
  readonly jsonFile: string
  readonly writeDocs: boolean
}

export const usage = `npm run bench -- [options]

Without --base it starts Hearth itself (scripts/hearth start) on an empty data directory, with rate limits off.

  --base URL                   measure this server instead; repeated for several processes of one, over which clients
                               are spread. Rate limits off, and either open registration or
  --registration-secret TEXT   its secret for /_synapse/admin/v1/register
  --processes N                start so many processes of Hearth on one PostgreSQL and one Redis; repeated, as in
                               --processes 1 --processes 2, one deployment is measured after the other
  --pid N                      its process id, to measure memory
  --database-url URL           its PostgreSQL, to measure WAL and transactions (needs psql, and nobody else on it)
  --compare synapse            start Synapse as well, measure it in the same run and print the ratios
  --scenario NAME              only this one; may be repeated
  --full                       also the scenarios whose preparation takes long (marked + below)
  --quick                      see in two minutes whether everything works; the figures are not comparable
  --rounds N                   rounds of each scenario (${normalScale.rounds}); the report has the medians
  --json FILE                  where the report goes as JSON (bench.json)
  --write-docs                 put the figures into docs/benchmarks.md

Scenarios:
${scenarios.map(({ name, summary, onlyFull }) => `  ${(name + (onlyFull ? ' +' : '')).padEnd(28)} ${summary}`).join('\n')}`

/** @throws Error with one line for the person who called */
export function parseOptions(args: readonly string[]): Options {
  const { values } = parseArgs({
    args: [...args],
    options: {
      help: { type: 'boolean', default: false },
      base: { type: 'string', multiple: true, default: [] },
      processes: { type: 'string', multiple: true, default: [] },
      pid: { type: 'string' },
      'database-url': { type: 'string' },
      'registration-secret': { type: 'string' },
      compare: { type: 'string' },
      scenario: { type: 'string', multiple: true, default: [] },
      full: { type: 'boolean', default: false },
      quick: { type: 'boolean', default: false },
      rounds: { type: 'string' },
      json: { type: 'string', default: 'bench.json' },
      'write-docs': { type: 'boolean', default: false },
    },
  })
  if (values.compare !== undefined && values.compare !== 'synapse') throw new Error('--compare knows only synapse')
  const unknown = values.scenario.find((name) => !scenarios.some((scenario) => scenario.name === name))
  if (unknown !== undefined) throw new Error(`no scenario is named ${unknown}; --help lists them`)
  const scale = values.quick ? quickScale : normalScale
  return {
    help: values.help,
    bases: values.base,
    processes: values.processes.map((count) => positiveInteger('--processes', count)!),
    pid: positiveInteger('--pid', values.pid),
    databaseUrl: values['database-url'],
    registrationSecret: values['registration-secret'],
    compareSynapse: values.compare === 'synapse',
    scenarios: values.scenario,
    full: values.full,
    scaleName: values.quick ? 'quick' : 'normal',
    scale: { ...scale, rounds: positiveInteger('--rounds', values.rounds) ?? scale.rounds },
    jsonFile: values.json,
    writeDocs: values['write-docs'],
  }
}

function positiveInteger(name: string, text: string | undefined): number | undefined {
  if (text === undefined) return undefined
  const number = Number(text)
  if (!Number.isSafeInteger(number) || number <= 0) throw new Error(`${name} must be a positive integer, not ${text}`)
  return number
}
