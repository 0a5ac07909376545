import { isValidNewLocalpart, parseUserId } from '@hearth/protocol'
import { createLogger } from '@hearth/runtime'
import type { Config } from '../generated/config.ts'
import { UsageError, type Command } from './command.ts'
import { configHelp, configOption, loadCommandConfig } from './configured.ts'
import { readPassword } from './read-password.ts'

/** `hearth create-user`: an account, whatever the registration mode is. */
export const createUser: Command = {
  name: 'create-user',
  summary: 'create an account',
  usage: 'NAME [--admin] [--config FILE]',
  details: `  NAME            the name alone (alice) or a full user id of this server (@alice:example.org)
  --admin         make the account a server administrator
${configHelp}

The password is asked for on a terminal, else it is the first line of the standard input.
With the embedded PostgreSQL the server has to be stopped meanwhile: one process at a time uses a data directory.`,
  options: { ...configOption, admin: { type: 'boolean' } },
  positionals: ['NAME'],
  async run(args, context) {
    const { config } = loadCommandConfig(args, context)
    const localpart = localpartOf(args.positionals[0]!, config)
    const password = await readPassword(context.stdin, context.stderr)
    const logger = createLogger({ level: config.logLevel === 'debug' ? 'debug' : 'warn' })
    const admin = args.values['admin'] === true
    const userId = await context.actions.createAccount(config, logger, { localpart, password, admin })
    context.stdout.write(`${userId}\n`)
    return 0
  },
}

function localpartOf(name: string, config: Config): string {
  const { localpart, server } = name.startsWith('@')
    ? userIdParts(name)
    : { localpart: name, server: config.serverName }
  if (server !== config.serverName) throw new UsageError(`${name} is not of this server, which is ${config.serverName}`)
  if (!isValidNewLocalpart(localpart)) {
    throw new UsageError(`"${localpart}" cannot be a name: a to z, 0 to 9 and . _ = - / + are allowed`)
  }
  return localpart
}

function userIdParts(name: string): { localpart: string; server: string } {
  try {
    return parseUserId(name)
  } catch {
    throw new UsageError(`"${name}" is not a user id: @name:server`)
  }
}
