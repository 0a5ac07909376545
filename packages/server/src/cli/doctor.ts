import { createLogger } from '@hearth/runtime'
import { ConfigError } from '../config/config-error.ts'
import type { NamedFinding } from '../doctor/examine.ts'
import type { Command, CommandContext } from './command.ts'
import { configHelp, configOption, loadCommandConfig } from './configured.ts'

const signs = { ok: 'ok     ', warning: 'WARNING', error: 'ERROR  ', skipped: '-      ' } as const

/** `hearth doctor`: what is wrong with a deployment, and the line to change. */
export const doctor: Command = {
  name: 'doctor',
  summary: 'say what is wrong with a deployment, and what to change',
  usage: '[--json] [--config FILE]',
  details: `  --json          print the findings as JSON: check, level (ok, warning, error, skipped), message, fix
${configHelp}

Looks at the configuration, disk, limits, PostgreSQL, Redis, clock, DNS, certificates, proxy, .well-known and federation, as
far as that can be told from this machine. Run it where the server runs, with the server's configuration and while it serves.
Nothing is changed; the limit of the check of registration tokens is used up for some seconds. Takes up to half a minute.

Exit status: 0 when there is no error (there may be warnings), 1 when there is one, 2 for a wrong configuration or call.`,
  options: { ...configOption, json: { type: 'boolean' } },
  positionals: [],
  async run(args, context) {
    const json = args.values['json'] === true
    try {
      const { config } = loadCommandConfig(args, context)
      const findings = await context.actions.diagnose(config, createLogger({ level: 'error' }))
      print([{ check: 'configuration', level: 'ok', message: 'the configuration is good' }, ...findings], json, context)
      return findings.some(({ level }) => level === 'error') ? 1 : 0
    } catch (failure) {
      if (!json || !(failure instanceof ConfigError)) throw failure
      const fix = 'docs/configuration.md'
      const found = failure.problems.map((message) => ({
        check: 'configuration',
        level: 'error' as const,
        message,
        fix,
      }))
      print(found, json, context)
      return 2
    }
  },
}

type Shown = Pick<NamedFinding, 'level' | 'message' | 'fix'> & { readonly check: string }

function print(findings: readonly Shown[], json: boolean, { stdout }: CommandContext): void {
  if (json) {
    stdout.write(`${JSON.stringify({ findings }, null, 2)}\n`)
    return
  }
  for (const { check, level, message, fix } of findings) {
    stdout.write(`${signs[level]} ${check}: ${message}\n`)
    if (fix !== undefined) stdout.write(`        -> ${fix}\n`)
  }
}
