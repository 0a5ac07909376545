import { createLogger } from '@hearth/runtime'
import { UsageError, type Command, type NewToken } from './command.ts'
import { configHelp, configOption, loadCommandConfig } from './configured.ts'

const unitMs: Readonly<Record<string, number>> = { d: 24 * 60 * 60_000, h: 60 * 60_000, m: 60_000 }

/** `hearth create-token`: lets people register where registration is by token. */
export const createToken: Command = {
  name: 'create-token',
  summary: 'create a registration token',
  usage: '[--uses N] [--expires TIME] [--config FILE]',
  details: `  --uses N        let it create this many accounts; any number without it
  --expires TIME  let it end after so many days, hours or minutes: 30d, 12h, 15m; never without it
${configHelp}

Prints the token and, in the next line, the link with which a person creates an account with it.
With the embedded PostgreSQL the server has to be stopped meanwhile: one process at a time uses a data directory.`,
  options: { ...configOption, uses: { type: 'string' }, expires: { type: 'string' } },
  positionals: [],
  async run(args, context) {
    const { uses, expires } = args.values as { uses?: string; expires?: string }
    const wanted: NewToken = {
      ...(uses !== undefined && { uses: countOf(uses) }),
      ...(expires !== undefined && { validForMs: durationOf(expires) }),
    }
    const { config } = loadCommandConfig(args, context)
    const logger = createLogger({ level: config.logLevel === 'debug' ? 'debug' : 'warn' })
    const { token, link } = await context.actions.createToken(config, logger, wanted)
    context.stdout.write(`${token}\n${link}\n`)
    return 0
  },
}

function countOf(text: string): number {
  if (!/^[1-9]\d{0,8}$/.test(text)) throw new UsageError(`--uses takes a number from 1 on, not "${text}"`)
  return Number(text)
}

function durationOf(text: string): number {
  const [, count, unit] = /^([1-9]\d{0,4})([dhm])$/.exec(text) ?? []
  if (count === undefined || unit === undefined) {
    throw new UsageError(`--expires takes days, hours or minutes, such as 30d, 12h or 15m, not "${text}"`)
  }
  return Number(count) * unitMs[unit]!
}
