import type { Setting } from './settings.ts'

/** What one source says about one setting. */
export interface Assignment {
  readonly setting: Setting
  /** As the source has it: a text that should be a list or `true` is turned into one, nothing is checked. */
  readonly value: unknown
  /** The source: `hearth.yaml:12` or the name of an environment variable. */
  readonly origin: string
}

/**
 * Gives a text the type that its setting asks for: lists are split at commas, `true` and `false` become booleans.
 * A text that does not fit stays as it is, for the check to refuse.
 */
export function fromText(setting: Setting, text: string): unknown {
  switch (setting.schema.type) {
    case 'array':
      return text
        .split(',')
        .map((part) => part.trim())
        .filter((part) => part !== '')
    case 'boolean':
      return text === 'true' ? true : text === 'false' ? false : text
    case 'string':
      return text
  }
}
