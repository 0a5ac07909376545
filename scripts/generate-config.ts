// Writes the TypeScript type of the configuration from schemas/config.json, and the schema itself for the reader.
// When: after a change of schemas/config.json; `npm run schemas` runs it, `npm run check` asks with --check.
// Example: npm run schemas
import { readFileSync } from 'node:fs'
import { camelCase, isSection, type SectionSchema, type SettingSchema } from '../packages/server/src/config/settings.ts'
import { writeGenerated } from './generated-file.ts'

interface Head {
  readonly $schema: string
  readonly title: string
}

const root = new URL('../', import.meta.url)
const file = JSON.parse(readFileSync(new URL('schemas/config.json', root), 'utf8')) as SectionSchema & Head
// The head is for those who read the file.
const { $schema, title, ...schema } = file

function typeOf(setting: SettingSchema): string {
  const union = (values: readonly string[]) => values.map((value) => `'${value}'`).join(' | ')
  if (setting['x-type']) return setting['x-type']
  if (setting.enum) return union(setting.enum)
  if (setting.type === 'boolean') return 'boolean'
  if (setting.type === 'string') return 'string'
  return setting.items?.enum ? `readonly (${union(setting.items.enum)})[]` : 'readonly string[]'
}

function interfaceBody(section: SectionSchema, indent: string): string {
  const lines = Object.entries(section.properties).flatMap(([name, child]) => {
    const doc = `${indent}/** ${child.description} */`
    if (isSection(child)) {
      return [doc, `${indent}readonly ${camelCase(name)}: {`, interfaceBody(child, `${indent}  `), `${indent}}`]
    }
    const optional = child.default === undefined && !child['x-computed'] ? '?' : ''
    return [doc, `${indent}readonly ${camelCase(name)}${optional}: ${typeOf(child)}`]
  })
  return lines.join('\n')
}

function brandsOf(section: SectionSchema): string[] {
  return Object.values(section.properties).flatMap((child) =>
    isSection(child) ? brandsOf(child) : child['x-type'] ? [child['x-type']] : [],
  )
}

const brands = [...new Set(brandsOf(schema))].sort()
const text = `// Made by scripts/generate-config.ts from schemas/config.json: change that file and run \`npm run schemas\`.
import type { ${brands.join(', ')} } from '@hearth/protocol'
import type { SectionSchema } from '../config/settings.ts'

/** The settings of this process: complete, checked and frozen. Paths are absolute. */
export interface Config {
${interfaceBody(schema, '  ')}
}

/** schemas/config.json. */
export const configSchema: SectionSchema = ${JSON.stringify(schema, null, 2)}
`

writeGenerated(new URL('packages/server/src/generated/config.ts', root), text)
