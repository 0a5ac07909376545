import { createLogger } from '@hearth/runtime'
import type { Command } from './command.ts'
import { configHelp, configOption, loadCommandConfig } from './configured.ts'

/** `hearth rotate-key`: a new signing key, while the old one stays known for what it has signed. */
export const rotateKey: Command = {
  name: 'rotate-key',
  summary: 'sign with a new key from the next start on',
  usage: '[--config FILE]',
  details: `${configHelp}

Prints the id of the old key and of the new one. The private half of the old one is overwritten; its public half stays
published, so that other servers go on to believe what was signed with it. Several processes of one server need the same
signing.key file: copy it to each data directory, then restart them.
With the embedded PostgreSQL the server has to be stopped meanwhile: one process at a time uses a data directory.`,
  options: configOption,
  positionals: [],
  async run(args, context) {
    const { config } = loadCommandConfig(args, context)
    const logger = createLogger({ level: config.logLevel === 'debug' ? 'debug' : 'warn' })
    const { retired, current } = await context.actions.rotateKey(config, logger)
    context.stdout.write(`${retired} is replaced by ${current}\n`)
    return 0
  },
}
