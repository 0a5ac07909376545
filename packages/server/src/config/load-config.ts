import { existsSync, readFileSync } from 'node:fs'
import { join, relative, resolve } from 'node:path'
import { configSchema, type Config } from '../generated/config.ts'
import type { Assignment } from './assignment.ts'
import { assignmentCheck } from './check-assignment.ts'
import { ConfigError } from './config-error.ts'
import { contradictions } from './contradictions.ts'
import { readEnvironment, type Environment } from './read-environment.ts'
import { readFile } from './read-file.ts'
import { camelCase, settingsOf, type Setting } from './settings.ts'

export interface ConfigSources {
  /** The YAML file to read. Without it `hearth.yaml` in the data directory is read when it exists. */
  readonly file?: string | undefined
  /** The environment of the process, which wins over the file. */
  readonly environment: Environment
  /** The directory that relative paths start from. */
  readonly workingDirectory: string
}

export interface LoadedConfig {
  readonly config: Config
  /** What is set and where, in the order of the schema; everything else has its default. */
  readonly assignments: readonly Assignment[]
}

const settings = settingsOf(configSchema)

/**
 * Reads the configuration: file, then environment, then defaults.
 * @throws ConfigError with every problem: unknown settings, wrong values, contradictions, a file that cannot be read
 */
export function loadConfig({ file, environment, workingDirectory }: ConfigSources): LoadedConfig {
  const fromEnvironment = readEnvironment(settings, environment, workingDirectory)
  const dataDir = fromEnvironment.assignments.find(({ setting }) => setting.key === 'data_dir')?.value
  const path = file ?? defaultFile(resolve(workingDirectory, typeof dataDir === 'string' ? dataDir : defaultDataDir()))
  const fromFile = path === undefined ? { assignments: [], problems: [] } : readConfigFile(path, workingDirectory)

  const assignments = settings.flatMap((setting) => {
    const isIt = (assignment: Assignment) => assignment.setting === setting
    return fromEnvironment.assignments.find(isIt) ?? fromFile.assignments.find(isIt) ?? []
  })
  const check = assignmentCheck()
  // What the environment overrides is checked as well: a mistake that shows only once a variable is gone is a trap.
  const wrong = [...fromFile.assignments, ...fromEnvironment.assignments].flatMap((each) => check(each) ?? [])
  const problems = [...fromFile.problems, ...fromEnvironment.problems, ...wrong]
  if (problems.length > 0) throw new ConfigError(problems)

  const config = buildConfig(assignments, workingDirectory)
  const originOf = (key: string) => assignments.find(({ setting }) => setting.key === key)?.origin ?? 'default'
  const contradicting = contradictions(config, originOf)
  if (path !== undefined && file === undefined && resolve(path, '..') !== config.dataDir) {
    contradicting.push(`${originOf('data_dir')}: data_dir: names another directory than the one this file was found in`)
  }
  if (contradicting.length > 0) throw new ConfigError(contradicting)
  return { config, assignments }
}

function defaultDataDir(): string {
  return settings.find(({ key }) => key === 'data_dir')!.schema.default as string
}

function defaultFile(dataDir: string): string | undefined {
  const path = join(dataDir, 'hearth.yaml')
  return existsSync(path) ? path : undefined
}

function readConfigFile(path: string, workingDirectory: string): ReturnType<typeof readFile> {
  const absolute = resolve(workingDirectory, path)
  const near = relative(workingDirectory, absolute)
  const name = near.startsWith('..') ? absolute : near
  let text: string
  try {
    text = readFileSync(absolute, 'utf8')
  } catch (error) {
    return { assignments: [], problems: [`${name}: the file cannot be read: ${(error as Error).message}`] }
  }
  return readFile(settings, name, text)
}

/** Puts the values, which must have been checked, and the defaults in the shape of `Config`. */
function buildConfig(assignments: readonly Assignment[], workingDirectory: string): Config {
  const values = new Map(assignments.map(({ setting, value }) => [setting.key, value]))
  const config: Section = {}
  for (const setting of settings) {
    const value = values.get(setting.key) ?? setting.schema.default
    const path = setting.key.split('.').map(camelCase)
    const name = path.pop()!
    const section = path.reduce<Section>((parent, child) => (parent[child] ??= {}) as Section, config)
    if (value !== undefined) section[name] = absolutePaths(setting, value, workingDirectory)
  }
  config.publicUrl = withoutFinalSlash((config.publicUrl ?? (config.listen as string[])[0]) as string)
  return deepFreeze(config) as Config
}

type Section = Record<string, unknown>

function absolutePaths({ schema }: Setting, value: unknown, workingDirectory: string): unknown {
  const isPath = (format: string | undefined) => format === 'file' || format === 'directory'
  if (isPath(schema.format)) return resolve(workingDirectory, value as string)
  if (isPath(schema.items?.format)) return (value as string[]).map((path) => resolve(workingDirectory, path))
  return value
}

function withoutFinalSlash(url: string): string {
  return url.replace(/\/+$/, '')
}

function deepFreeze(value: unknown): unknown {
  if (typeof value !== 'object' || value === null || Object.isFrozen(value)) return value
  Object.values(value).forEach(deepFreeze)
  return Object.freeze(value)
}
