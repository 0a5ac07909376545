import {
  allowedValues,
  isSection,
  settingsOf,
  type SectionSchema,
  type Setting,
} from '../packages/server/src/config/settings.ts'

const head = `# Configuration

<!-- Made by scripts/generate-docs.ts from schemas/config.json: change that file and run \`npm run docs\`. -->

Hearth needs no configuration to start. What differs between communities can be set in one YAML file and in the
environment.

- The file is the one that \`--config FILE\` names, else \`hearth.yaml\` in the data directory when it exists.
- The environment wins. The variable of a key is \`HEARTH_\` and the key in upper case, with \`_\` for the points:
  \`registration.mode\` is \`HEARTH_REGISTRATION_MODE\`. \`DATABASE_URL\` and \`REDIS_URL\` are understood as well. An empty
  variable counts as not set.
- With \`_FILE\` after its name, a variable names a file that holds the value: \`HEARTH_DATABASE_URL_FILE=/run/secrets/database\`.
  That is how containers and systemd hand over secrets.
- Lists are YAML lists, or one text with commas. Booleans are \`true\` and \`false\`.
- Relative paths start from the working directory of the process.
- Unknown keys and variables, values that are not allowed and settings that contradict each other end the start with exit
  status 2 and one line each. \`scripts/hearth check-config\` tells without starting, and shows what is set where.

\`\`\`yaml
server_name: example.org
public_url: https://matrix.example.org
listen: http://127.0.0.1:8008
registration:
  mode: open
\`\`\`
`

const reservedHead = `
## Accepted, without effect in this version

These are checked like the others, so that a configuration can be prepared; a set one is named in a warning at the start.
They take effect with the parts of the server that they belong to.
`

/** Writes docs/configuration.md from the schema. */
export function configurationPage(schema: SectionSchema): string {
  const isReserved = ({ schema: { 'x-reserved': reserved } }: Setting) => reserved === true
  const settings = settingsOf(schema)
  const inUse = settings.filter((setting) => !isReserved(setting))
  const top = table(inUse.filter(({ key }) => !key.includes('.')))
  const sections = Object.entries(schema.properties).flatMap(([name, section]) => {
    const own = inUse.filter(({ key }) => key.startsWith(`${name}.`))
    return isSection(section) && own.length > 0 ? `\n## ${name}\n\n${section.description}\n\n${table(own)}` : []
  })
  return `${head}\n## Settings\n\n${top}${sections.join('')}${reservedHead}\n${table(settings.filter(isReserved))}`
}

function table(settings: readonly Setting[]): string {
  const rows = settings.map((setting) => {
    const { key, schema } = setting
    return row(`\`${key}\``, defaultOf(setting), `${schema.description}${exampleOf(setting)}`, allowedOf(setting))
  })
  return [row('key', 'default', 'meaning', 'allowed'), row('---', '---', '---', '---'), ...rows].join('')
}

function row(...cells: readonly string[]): string {
  return `| ${cells.map((cell) => cell.replaceAll('|', '\\|')).join(' | ')} |\n`
}

function defaultOf({ schema }: Setting): string {
  if (schema['x-default']) return schema['x-default']
  if (schema.default === undefined) return 'not set'
  const text = String(schema.default)
  return text === '' ? 'none' : `\`${text}\``
}

function exampleOf({ schema: { examples } }: Setting): string {
  return examples ? ` Example: ${examples.map((example) => `\`${example}\``).join(', ')}.` : ''
}

function allowedOf(setting: Setting): string {
  const { enum: choice, items, type } = setting.schema
  const allowed = (choice ?? items?.enum)?.map((value) => `\`${value}\``).join(', ') ?? allowedValues(setting)
  return type === 'array' ? `a list of ${allowed}` : allowed
}
