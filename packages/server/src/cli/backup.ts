import { resolve } from 'node:path'
import { createLogger } from '@hearth/runtime'
import type { Command } from './command.ts'
import { configHelp, configOption, loadCommandConfig } from './configured.ts'

/** `hearth backup`: everything that cannot be made again, while the server runs. */
export const backup: Command = {
  name: 'backup',
  summary: 'back the deployment up into a directory, while it runs',
  usage: 'DIR [--config FILE]',
  details: `  DIR             a directory that is new or empty
${configHelp}

Writes the database as of one moment, with checksums, and the signing key. Media are not copied: copy their directory
(data/media) after this command has ended, so that everything the backup refers to is in the copy. Whoever can read DIR
can speak for your server and read what is not encrypted: keep it safe.`,
  options: configOption,
  positionals: ['DIR'],
  async run(args, context) {
    const { config } = loadCommandConfig(args, context)
    const directory = resolve(context.workingDirectory, args.positionals[0]!)
    const { tables, media } = await context.actions.backUp(config, createLogger({ level: 'warn' }), directory)
    const rows = tables.reduce((sum, table) => sum + table.rows, 0)
    context.stdout.write(`${rows} rows of ${tables.length} tables and the signing key are in ${directory}\n`)
    context.stdout.write(`${media.files} media files of ${media.bytes} bytes belong to it: copy their directory now\n`)
    return 0
  },
}
