import { fromText, type Assignment } from './assignment.ts'
import { nearest } from './nearest.ts'
import { variablePrefix, type Setting } from './settings.ts'

/** The environment of a process, as `process.env`. */
export type Environment = Readonly<Record<string, string | undefined>>

/**
 * Reads the settings that are set by environment variables. A setting's own variable wins over the general one
 * (`HEARTH_DATABASE_URL` over `DATABASE_URL`); an empty variable counts as not set.
 */
export function readEnvironment(
  settings: readonly Setting[],
  environment: Environment,
): { assignments: Assignment[]; problems: string[] } {
  const assignments = settings.flatMap((setting) => {
    const variable = [setting.variable, setting.schema['x-environment']].find((name) => name && environment[name])
    if (!variable) return []
    return [{ setting, value: fromText(setting, environment[variable]!), origin: variable }]
  })
  const known = settings.map((setting) => setting.variable)
  const problems = Object.keys(environment)
    .filter((name) => name.startsWith(variablePrefix) && !known.includes(name))
    .map((name) => `${name}: there is no such setting; the nearest is ${nearest(name, known)}`)
  return { assignments, problems }
}
