import { readFileSync } from 'node:fs'
import { resolve } from 'node:path'
import { fromText, type Assignment } from './assignment.ts'
import { nearest } from './nearest.ts'
import { variablePrefix, type Setting } from './settings.ts'

/** The environment of a process, as `process.env`. */
export type Environment = Readonly<Record<string, string | undefined>>

interface Read {
  readonly assignments: Assignment[]
  readonly problems: string[]
}

const fileSuffix = '_FILE'

/**
 * Reads the settings that are set by environment variables. A setting's own variable wins over the general one
 * (`HEARTH_DATABASE_URL` over `DATABASE_URL`); an empty variable counts as not set. With `_FILE` after its name a variable
 * names a file that holds the value, as secrets are handed to containers.
 */
export function readEnvironment(
  settings: readonly Setting[],
  environment: Environment,
  workingDirectory: string,
): Read {
  const known = new Set(settings.map((setting) => setting.variable))
  const read = settings.map((setting) => readSetting(setting, { environment, workingDirectory, known }))
  const unknown = Object.keys(environment)
    .filter((name) => name.startsWith(variablePrefix) && !known.has(name))
    .filter((name) => !(name.endsWith(fileSuffix) && known.has(name.slice(0, -fileSuffix.length))))
    .map((name) => `${name}: there is no such setting; the nearest is ${nearest(name, [...known])}`)
  return {
    assignments: read.flatMap(({ assignments }) => assignments),
    problems: [...read.flatMap(({ problems }) => problems), ...unknown],
  }
}

function readSetting(
  setting: Setting,
  from: { readonly environment: Environment; readonly workingDirectory: string; readonly known: ReadonlySet<string> },
): Read {
  const { environment, workingDirectory, known } = from
  const names = [setting.variable, setting.schema['x-environment']].filter((name) => name !== undefined)
  const variable = names.find((name) => environment[name])
  // `HEARTH_NETWORK_CA_FILE` is a setting of its own.
  const file = names.map((name) => name + fileSuffix).find((name) => !known.has(name) && environment[name])
  if (file !== undefined) {
    if (variable !== undefined) {
      return { assignments: [], problems: [`${file}: ${variable} is set as well, and only one of them can count`] }
    }
    const path = resolve(workingDirectory, environment[file]!)
    try {
      const text = readFileSync(path, 'utf8').replace(/\r?\n$/, '')
      return { assignments: [{ setting, value: fromText(setting, text), origin: file }], problems: [] }
    } catch (error) {
      return { assignments: [], problems: [`${file}: the file cannot be read: ${(error as Error).message}`] }
    }
  }
  if (variable === undefined) return { assignments: [], problems: [] }
  return {
    assignments: [{ setting, value: fromText(setting, environment[variable]!), origin: variable }],
    problems: [],
  }
}
