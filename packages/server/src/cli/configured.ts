import type { ParseArgsOptionsConfig } from 'node:util'
import { checkFiles } from '../config/check-files.ts'
import { loadConfig, type LoadedConfig } from '../config/load-config.ts'
import type { CommandArguments, CommandContext } from './command.ts'

/** The option that every command with a configuration takes. */
export const configOption = { config: { type: 'string' } } as const satisfies ParseArgsOptionsConfig

export const configHelp = `  --config FILE   read this YAML file; without it hearth.yaml in the data directory, when it is there.
                  The environment wins: HEARTH_REGISTRATION_MODE sets registration.mode.
                  docs/configuration.md lists every setting.`

/** Reads the configuration that a command was called with, and checks the files it names. */
export function loadCommandConfig(args: CommandArguments, context: CommandContext): LoadedConfig {
  const { environment, workingDirectory } = context
  const loaded = loadConfig({ file: args.values['config'] as string | undefined, environment, workingDirectory })
  checkFiles(loaded)
  return loaded
}
