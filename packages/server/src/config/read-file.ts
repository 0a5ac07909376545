import {
  isAlias,
  isMap,
  isScalar,
  isSeq,
  LineCounter,
  parseDocument,
  type Document,
  type Node,
  type YAMLMap,
} from 'yaml'
import { fromText, type Assignment } from './assignment.ts'
import { nearest } from './nearest.ts'
import type { Setting } from './settings.ts'

/**
 * Reads the settings of a YAML file. A key without a value counts as not set; a list may also be written as one text
 * with commas.
 * @param name what messages call the file
 */
export function readFile(
  settings: readonly Setting[],
  name: string,
  text: string,
): { assignments: Assignment[]; problems: string[] } {
  const lines = new LineCounter()
  const document = parseDocument(text, { lineCounter: lines, prettyErrors: false })
  const at = (offset: number) => `${name}:${lines.linePos(offset).line}`
  if (document.errors.length > 0) {
    return { assignments: [], problems: document.errors.map((error) => `${at(error.pos[0])}: ${error.message}`) }
  }
  if (isNothing(document.contents)) return { assignments: [], problems: [] }
  if (!isMap(document.contents)) {
    return { assignments: [], problems: [`${name}:1: the file must hold settings, such as "server_name: example.org"`] }
  }
  const reader = new SectionReader(settings, document, at)
  reader.read(document.contents, '')
  return reader
}

class SectionReader {
  readonly assignments: Assignment[] = []
  readonly problems: string[] = []
  readonly #settings: readonly Setting[]
  readonly #document: Document
  readonly #at: (offset: number) => string

  constructor(settings: readonly Setting[], document: Document, at: (offset: number) => string) {
    this.#settings = settings
    this.#document = document
    this.#at = at
  }

  /** Reads a map whose keys lie under `section`, which is empty or ends with a point. */
  read(map: YAMLMap, section: string): void {
    for (const pair of map.items) {
      const name = isScalar(pair.key) ? String(pair.key.value) : String(pair.key)
      const key = section + name
      const origin = this.#at(offsetOf(pair.key) ?? offsetOf(map) ?? 0)
      const value = isAlias(pair.value) ? pair.value.resolve(this.#document) : pair.value
      const setting = this.#settings.find((each) => each.key === key)
      const below = this.#below(`${key}.`)
      if (setting) {
        if (!isNothing(value)) this.assignments.push({ setting, value: plainValue(setting, value), origin })
      } else if (below.length === 0) {
        this.problems.push(`${origin}: ${key}: ${this.#advice(section, name)}`)
      } else if (isMap(value)) {
        this.read(value, `${key}.`)
      } else if (!isNothing(value)) {
        this.problems.push(`${origin}: ${key}: is a group of settings; allowed below it: ${below.join(', ')}`)
      }
    }
  }

  #below(section: string): string[] {
    const names = this.#settings
      .filter(({ key }) => key.startsWith(section))
      .map(({ key }) => key.slice(section.length))
    return [...new Set(names.map((name) => name.split('.')[0]!))]
  }

  #advice(section: string, name: string): string {
    const allowed = this.#below(section)
    // The right name in the wrong group is the likelier slip than another name nearby.
    const elsewhere = this.#settings.find(({ key }) => key.endsWith(`.${name}`))?.key
    const meant = elsewhere ?? section + nearest(name, allowed)
    return `there is no such setting; the nearest is ${meant}; allowed here: ${allowed.join(', ')}`
  }
}

function isNothing(node: unknown): boolean {
  return node === null || node === undefined || (isScalar(node) && node.value === null)
}

function offsetOf(node: unknown): number | undefined {
  return (node as Node | null)?.range?.[0]
}

/** What a node means where the setting's type is known: `default_version: 12` is the text 12. */
function plainValue(setting: Setting, node: unknown): unknown {
  if (isSeq(node)) return node.items.map((item) => (isScalar(item) ? scalarValue(item) : item))
  if (!isScalar(node)) return node
  const value = scalarValue(node)
  return typeof value === 'string' ? fromText(setting, value) : value
}

function scalarValue(scalar: { value: unknown; source?: string }): unknown {
  return typeof scalar.value === 'number' ? (scalar.source ?? String(scalar.value)) : scalar.value
}
