import type { Assignment } from '../config/assignment.ts'
import type { Command } from './command.ts'
import { configHelp, configOption, loadCommandConfig } from './configured.ts'

/** `hearth check-config`: says whether the server would start with this configuration, and what sets what. */
export const checkConfig: Command = {
  name: 'check-config',
  summary: 'check the configuration and show what is set where',
  usage: '[--config FILE]',
  details: configHelp,
  options: configOption,
  positionals: [],
  async run(args, context) {
    const { assignments } = loadCommandConfig(args, context)
    for (const assignment of assignments) context.stdout.write(`${describe(assignment)}\n`)
    const others = assignments.length === 0 ? 'every setting' : 'every other setting'
    context.stdout.write(`The configuration is good; ${others} has its default.\n`)
    return 0
  },
}

function describe({ setting, value, origin }: Assignment): string {
  const shown = setting.schema['x-secret'] ? '(secret)' : String(value)
  const note = setting.schema['x-reserved'] ? ', no effect in this version' : ''
  return `${setting.key} = ${shown}    (${origin}${note})`
}
