import { resolve } from 'node:path'
import { createLogger } from '@hearth/runtime'
import type { Command } from './command.ts'
import { configHelp, configOption, loadCommandConfig } from './configured.ts'

/** `hearth restore`: a deployment again, from a backup. */
export const restore: Command = {
  name: 'restore',
  summary: 'fill a new deployment from a backup',
  usage: 'DIR [--config FILE]',
  details: `  DIR             what "hearth backup" has written
${configHelp}

The data directory must have no signing key and the database must be empty; otherwise nothing is done. Every checksum is
verified first. Positions go on far above those of the backup, so that nothing that clients or other servers have seen since
is given out a second time. Put the copied media directory back, then start the server.`,
  options: configOption,
  positionals: ['DIR'],
  async run(args, context) {
    const { config } = loadCommandConfig(args, context)
    const directory = resolve(context.workingDirectory, args.positionals[0]!)
    const manifest = await context.actions.restore(config, createLogger({ level: 'warn' }), directory)
    const when = new Date(manifest.createdTs).toISOString()
    context.stdout.write(`${manifest.serverName} is as it was at ${when}; "hearth start" starts it\n`)
    return 0
  },
}
