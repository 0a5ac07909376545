// Writes the types and schemas of event contents in packages/protocol/src/generated/ from schemas/events/*.json.
// When: after a change there; `npm run check` asks with --check whether it was run.
// Example: npm run schemas
import { globSync, readFileSync, rmSync } from 'node:fs'
import { basename } from 'node:path'
import { compile, type JSONSchema } from 'json-schema-to-typescript'
import { format, resolveConfig } from 'prettier'
import { writeGenerated } from './generated-file.ts'

/** The keywords that the schemas use, in which other schemas may be nested. */
interface EventSchema {
  readonly $schema?: string
  readonly title?: string
  readonly description?: string
  readonly type?: string | readonly string[]
  readonly format?: string
  readonly items?: EventSchema
  readonly additionalProperties?: EventSchema
  readonly properties?: Readonly<Record<string, EventSchema>>
}

/** The branded type of each string format. */
const brands: Readonly<Record<string, string>> = {
  'mx-user-id': 'UserId',
  'mx-room-id': 'RoomId',
  'mx-event-id': 'EventId',
}

process.chdir(import.meta.dirname + '/..')
const directory = 'packages/protocol/src/generated'
const style = (await resolveConfig('package.json')) ?? {}

const types = globSync('schemas/events/*.json')
  .map((path) => basename(path, '.json'))
  .sort()
const files = new Map<string, string>()
for (const type of types) files.set(fileOf(type), await contentModule(type))
files.set('event-contents.ts', await listModule(types))

for (const [name, text] of files) writeGenerated(new URL(`../${directory}/${name}`, import.meta.url), text)
for (const path of globSync(`${directory}/*`).filter((file) => !files.has(basename(file)))) removeStale(path)

async function contentModule(type: string): Promise<string> {
  const source = JSON.parse(readFileSync(`schemas/events/${type}.json`, 'utf8')) as EventSchema
  const name = nameOf(type)
  const declaration = await compile(withTypes(source) as JSONSchema, capitalized(name), {
    bannerComment: '',
    format: false,
    unknownAny: true,
  })
  const used = [...new Set(Object.values(brands))].filter((brand) => new RegExp(`\\b${brand}\\b`).test(declaration))
  return formatted(`
    // Made by scripts/generate-schemas.ts from schemas/events/${type}.json: change that file and run \`npm run schemas\`.
    ${used.length > 0 ? `import type { ${used.sort().join(', ')} } from '../ids.ts'` : ''}
    import type { Schema } from '../schema.ts'

    ${declaration}

    /** Accepts the content of ${type}. */
    export const ${name}: Schema<${capitalized(name)}> = ${JSON.stringify(withoutProse(source))}
  `)
}

async function listModule(all: readonly string[]): Promise<string> {
  return formatted(`
    // Made by scripts/generate-schemas.ts from the list of schemas/events/: run \`npm run schemas\` after a change there.
    ${all.map((type) => `import { ${nameOf(type)} } from './${fileOf(type)}'`).join('\n')}
    import type { Schema } from '../schema.ts'

    /** The schemas of the contents of events that the server itself interprets, by event type. */
    export const eventContents: ReadonlyMap<string, Schema<unknown>> = new Map<string, Schema<unknown>>([
      ${all.map((type) => `['${type}', ${nameOf(type)}]`).join(',\n')}
    ])
  `)
}

/** For the declaration: identifiers get their brands, and nothing has a title, which would become a name. */
function withTypes(schema: EventSchema): EventSchema & { tsType?: string } {
  const tsType = schema.type === undefined ? 'unknown' : brands[schema.format ?? '']
  return { ...mapNested(without(['$schema', 'title'], schema), withTypes), ...(tsType !== undefined && { tsType }) }
}

/** For the check: without what only people read. */
function withoutProse(schema: EventSchema): EventSchema {
  return mapNested(without(['$schema', 'title', 'description'], schema), withoutProse)
}

function without(keywords: readonly string[], schema: EventSchema): EventSchema {
  return Object.fromEntries(Object.entries(schema).filter(([keyword]) => !keywords.includes(keyword)))
}

function mapNested(schema: EventSchema, map: (nested: EventSchema) => EventSchema): EventSchema {
  const { items, additionalProperties, properties } = schema
  return {
    ...schema,
    ...(items && { items: map(items) }),
    ...(additionalProperties && { additionalProperties: map(additionalProperties) }),
    ...(properties && {
      properties: Object.fromEntries(Object.entries(properties).map(([name, nested]) => [name, map(nested)])),
    }),
  }
}

/** `m.room.power_levels` is `roomPowerLevelsContent`. */
function nameOf(type: string): string {
  const [first, ...rest] = `${type.replace(/^m\./, '')}.content`.split(/[._]/)
  return [first, ...rest.map(capitalized)].join('')
}

function fileOf(type: string): string {
  return `${type.replace(/^m\./, '').replaceAll(/[._]/g, '-')}-content.ts`
}

function capitalized(word: string): string {
  return word.charAt(0).toUpperCase() + word.slice(1)
}

async function formatted(text: string): Promise<string> {
  const pretty = await format(text, { ...style, parser: 'typescript' })
  // Comments of one line on one line, where they fit.
  return pretty.replaceAll(/\/\*\*\n *\* (.{1,100})\n *\*\//g, '/** $1 */')
}

function removeStale(path: string): void {
  if (process.argv.includes('--check')) {
    console.error(`${path} is left over from a schema that is gone: run \`npm run schemas\``)
    process.exitCode = 1
  } else {
    rmSync(path)
  }
}
