import { createLogger } from '@hearth/runtime'
import type { Command } from './command.ts'
import { configHelp, configOption, loadCommandConfig } from './configured.ts'

/** `hearth migrate`: what `start` does to the database, without starting. */
export const migrate: Command = {
  name: 'migrate',
  summary: "bring the database to this release's schema (start does so too)",
  usage: '[--config FILE]',
  details: configHelp,
  options: configOption,
  positionals: [],
  async run(args, context) {
    const { config } = loadCommandConfig(args, context)
    const names = await context.actions.migrateDatabase(config, createLogger({ level: config.logLevel }))
    for (const name of names) context.stdout.write(`${name}\n`)
    context.stdout.write(
      names.length === 0 ? 'The database is up to date.\n' : 'The database has been brought up to date.\n',
    )
    return 0
  },
}
