import { parseArgs } from 'node:util'
import { ConfigError } from '../config/config-error.ts'
import { nearest } from '../config/nearest.ts'
import { hearthVersion } from '../version.ts'
import { backup } from './backup.ts'
import { checkConfig } from './check-config.ts'
import { UsageError, type Command, type CommandArguments, type CommandContext } from './command.ts'
import { createToken } from './create-token.ts'
import { createUser } from './create-user.ts'
import { doctor } from './doctor.ts'
import { migrate } from './migrate.ts'
import { restore } from './restore.ts'
import { rotateKey } from './rotate-key.ts'
import { start } from './start.ts'

const commands: readonly Command[] = [
  start,
  checkConfig,
  doctor,
  createUser,
  createToken,
  rotateKey,
  backup,
  restore,
  migrate,
]

/**
 * Runs the command line.
 * @param words what follows the program's name
 * @returns the exit status: 0 done, 1 failed, 2 called or configured wrongly
 */
export async function runCommandLine(words: readonly string[], context: CommandContext): Promise<number> {
  try {
    return await dispatch(words, context)
  } catch (error) {
    for (const line of complaint(error, context)) context.stderr.write(`hearth: ${line}\n`)
    return error instanceof UsageError || error instanceof ConfigError ? 2 : 1
  }
}

async function dispatch([name, ...rest]: readonly string[], context: CommandContext): Promise<number> {
  if (name === undefined) throw new UsageError('no command was given; see hearth --help')
  if (name === '--help' || name === '-h') return print(context, overview())
  if (name === '--version') return print(context, hearthVersion())
  const command = commands.find((each) => each.name === name)
  if (!command) {
    const names = commands.map((each) => each.name)
    throw new UsageError(`there is no command "${name}", the nearest is ${nearest(name, names)}; see hearth --help`)
  }
  const args = parse(command, rest)
  if (args.values['help']) return print(context, help(command))
  const [missing] = command.positionals.slice(args.positionals.length)
  if (missing) throw new UsageError(`${name} needs ${missing}; see hearth ${name} --help`)
  const unexpected = args.positionals[command.positionals.length]
  if (unexpected !== undefined) throw new UsageError(`${name} does not take "${unexpected}"; see hearth ${name} --help`)
  return command.run(args, context)
}

function parse(command: Command, words: readonly string[]): CommandArguments {
  const options = { ...command.options, help: { type: 'boolean', short: 'h' } } as const
  try {
    return parseArgs({ args: [...words], options, allowPositionals: true })
  } catch (error) {
    throw new UsageError(`${(error as Error).message}; see hearth ${command.name} --help`)
  }
}

function print(context: CommandContext, text: string): number {
  context.stdout.write(`${text}\n`)
  return 0
}

function overview(): string {
  const width = Math.max(...commands.map(({ name }) => name.length))
  const list = commands.map(({ name, summary }) => `  ${name.padEnd(width)}   ${summary}`)
  return `Hearth, a Matrix homeserver.

usage: hearth COMMAND [OPTION...]

${list.join('\n')}

hearth COMMAND --help says more; hearth --version gives the version.`
}

function help(command: Command): string {
  return `hearth ${command.name}: ${command.summary}

usage: hearth ${command.name} ${command.usage}

${command.details}`
}

function complaint(error: unknown, context: CommandContext): readonly string[] {
  if (error instanceof ConfigError) return error.problems
  if (error instanceof UsageError) return [error.message]
  if (!(error instanceof Error)) return [String(error)]
  return [context.environment['HEARTH_LOG_LEVEL'] === 'debug' && error.stack ? error.stack : error.message]
}
