import { invalidParam, type Schema } from '@hearth/protocol'
import { decodePercent } from './percent-decoding.ts'

/** A query string's parameters in order, each with all its values. */
export type QueryParameters = ReadonlyMap<string, readonly string[]>

const NO_PARAMETERS: QueryParameters = new Map()

/**
 * Splits a query string, form-encoded (`+` is a space), without any of the nesting that some parsers read into it.
 * @throws MatrixError 400 for broken percent-encoding.
 */
export function parseQuery(query: string): QueryParameters {
  if (query === '') return NO_PARAMETERS
  const parameters = new Map<string, string[]>()
  for (const part of query.split('&')) {
    if (part === '') continue
    const equals = part.indexOf('=')
    const name = decodeForm(equals === -1 ? part : part.slice(0, equals), 'a query parameter')
    const value = equals === -1 ? '' : decodeForm(part.slice(equals + 1), 'a query parameter')
    const values = parameters.get(name)
    if (values === undefined) parameters.set(name, [value])
    else values.push(value)
  }
  return parameters
}

function decodeForm(encoded: string, name: string): string {
  return decodePercent(encoded.includes('+') ? encoded.replaceAll('+', ' ') : encoded, name)
}

type Coercion = (text: string, name: string) => unknown

/** Turns a query's texts into the values that a schema describes, by each property's `type`. */
export class QueryReader {
  readonly #properties: readonly { readonly name: string; readonly list: boolean; readonly coerce: Coercion }[]

  /** Takes the schema of an object whose properties are strings, integers, booleans, or arrays of these. */
  constructor(schema: Schema<unknown>) {
    const properties = (schema['properties'] ?? {}) as Record<string, Schema<unknown>>
    this.#properties = Object.entries(properties).map(([name, property]) => {
      const list = property['type'] === 'array'
      const { type } = (list ? property['items'] : property) as { type?: unknown }
      return { name, list, coerce: coercionTo(type) }
    })
  }

  /**
   * Reads the declared parameters; others are not looked at.
   * @throws MatrixError 400 `M_INVALID_PARAM` for a value of the wrong type, a repeated parameter that is no list, and
   *   names with brackets, which other parsers take for objects and lists.
   */
  read(parameters: QueryParameters): Record<string, unknown> {
    const query: Record<string, unknown> = {}
    if (parameters.size === 0) return query
    for (const name of parameters.keys()) {
      if (name.includes('[')) throw invalidParam('query parameters with brackets are not supported')
    }
    for (const { name, list, coerce } of this.#properties) {
      const values = parameters.get(name)
      if (values === undefined) continue
      if (list) {
        query[name] = values.map((value) => coerce(value, name))
      } else {
        if (values.length > 1) throw invalidParam(`${name} is given more than once`)
        query[name] = coerce(values[0]!, name)
      }
    }
    return query
  }
}

function coercionTo(type: unknown): Coercion {
  if (type === 'integer') return toInteger
  if (type === 'boolean') return toBoolean
  if (type === 'string' || type === undefined) return (text) => text
  throw new Error(`a query parameter cannot be of type ${JSON.stringify(type)}`)
}

function toInteger(text: string, name: string): number {
  const value = Number(text)
  if (!/^-?\d+$/.test(text) || !Number.isSafeInteger(value)) throw invalidParam(`${name} must be an integer`)
  return value
}

function toBoolean(text: string, name: string): boolean {
  if (text === 'true') return true
  if (text === 'false') return false
  throw invalidParam(`${name} must be true or false`)
}
