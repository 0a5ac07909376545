/** What `schemas/config.json` says about one setting. The keywords that start with `x-` are Hearth's own. */
export interface SettingSchema {
  readonly description: string
  readonly type: 'string' | 'boolean' | 'array'
  readonly default?: string | boolean | readonly string[]
  readonly enum?: readonly string[]
  readonly format?: string
  readonly minLength?: number
  readonly items?: { readonly type: 'string'; readonly enum?: readonly string[]; readonly format?: string }
  readonly minItems?: number
  readonly uniqueItems?: boolean
  readonly examples?: readonly string[]
  /** What it may be, in words: completes "allowed: ...". */
  readonly 'x-allowed'?: string
  /** The default in words, where it is not a fixed value. */
  readonly 'x-default'?: string
  /** The reader fills it in when it is not set, from other settings. */
  readonly 'x-computed'?: boolean
  /** A further environment variable that sets it. */
  readonly 'x-environment'?: string
  /** Accepted and checked, but nothing in this version acts on it. */
  readonly 'x-reserved'?: boolean
  /** Never shown, neither in messages nor in listings. */
  readonly 'x-secret'?: boolean
  /** The name of its type in `@hearth/protocol`, where that is not `string`. */
  readonly 'x-type'?: string
}

/** A group of settings, such as `registration`. */
export interface SectionSchema {
  readonly description: string
  readonly type: 'object'
  readonly additionalProperties: false
  readonly properties: Readonly<Record<string, SettingSchema | SectionSchema>>
}

/** One setting, with its names in the YAML file and in the environment. */
export interface Setting {
  /** Its path in the YAML file: `registration.mode`. */
  readonly key: string
  /** Its environment variable: `HEARTH_REGISTRATION_MODE`. */
  readonly variable: string
  readonly schema: SettingSchema
}

/** The start of the name of every environment variable that is ours. */
export const variablePrefix = 'HEARTH_'

/** Tells a group of settings from a setting. */
export function isSection(schema: SettingSchema | SectionSchema): schema is SectionSchema {
  return schema.type === 'object'
}

/** Lists the settings of a schema in its order. */
export function settingsOf(schema: SectionSchema, section = ''): Setting[] {
  return Object.entries(schema.properties).flatMap(([name, child]) => {
    const key = section + name
    if (isSection(child)) return settingsOf(child, `${key}.`)
    return [{ key, variable: variablePrefix + key.replaceAll('.', '_').toUpperCase(), schema: child }]
  })
}

/** Says what a setting may be: completes "allowed: ...". */
export function allowedValues({ schema }: Setting): string {
  const choice = schema.enum ?? schema.items?.enum
  if (choice) return choice.join(', ')
  if (schema.type === 'boolean') return 'true, false'
  return schema['x-allowed'] ?? 'any text'
}

/** The name of a key in TypeScript: `shared_secret` is `sharedSecret`. */
export function camelCase(name: string): string {
  return name.replaceAll(/_(\w)/g, (_, letter: string) => letter.toUpperCase())
}
