import type { JsonObject, JsonValue } from '@hearth/protocol'
import { writeCanonicalJson } from './canonical-json-writer.ts'
import type { NumberRule } from './canonical-number.ts'

export interface CanonicalJsonOptions {
  /**
   * `strict`, the default, takes integers in ±(2^53-1) only. `legacy` is for room versions 1 to 5, where servers must
   * not enforce that: it takes any finite number.
   */
  readonly numbers?: NumberRule
}

// Deeper values are left to the writer, which does not recurse.
const MAX_RECURSION = 200
// Up to this many keys an insertion sort is faster than Array.prototype.sort.
const FEW_KEYS = 24

const DIGIT_0 = 0x30
const DIGIT_9 = 0x39

const surrogate = /[\ud800-\udfff]/

/**
 * Encodes a value as canonical JSON: no white space, keys in the order of their code points, the shortest escapes,
 * integers only. The text is to be encoded as UTF-8. Members whose value is `undefined` are left out; nesting may be of
 * any depth.
 *
 * Throws `CanonicalJsonError` for what has no canonical form: fractions, numbers outside ±(2^53-1), lone surrogates.
 * {@link https://spec.matrix.org/v1.19/appendices/#canonical-json}
 */
export function canonicalJson(value: JsonValue, options: CanonicalJsonOptions = {}): string {
  const numbers = options.numbers ?? 'strict'
  return (numbers === 'strict' ? stringifyInOrder(value) : undefined) ?? writeCanonicalJson(value, numbers)
}

/**
 * Canonical JSON by way of JSON.stringify, which is faster than any writer in JavaScript and right if the keys are in
 * order beforehand; or `undefined` if anything about the value is unusual, so that the writer must encode or refuse it.
 */
function stringifyInOrder(value: JsonValue): string | undefined {
  const ordered = inKeyOrder(value, 0)
  if (ordered === undefined) return undefined
  const text = JSON.stringify(ordered)
  // A lone surrogate comes out as an escape like \ud800.
  if (text.includes('\\ud')) return undefined
  // Keys were sorted by UTF-16 units. That is another order than that of code points only if one has a surrogate.
  return surrogate.test(text) && hasSurrogateKey(ordered) ? undefined : text
}

/** The value with the keys of all objects in UTF-16 order; or `undefined` if that cannot be, or it is not canonical. */
function inKeyOrder(value: JsonValue, depth: number): JsonValue | undefined {
  switch (typeof value) {
    case 'string':
    case 'boolean':
      return value
    case 'number':
      return Number.isSafeInteger(value) ? value : undefined
    case 'object':
      if (value === null) return value
      if (depth === MAX_RECURSION) return undefined
      return Array.isArray(value) ? itemsInKeyOrder(value, depth + 1) : membersInKeyOrder(value, depth + 1)
    default:
      return undefined
  }
}

function itemsInKeyOrder(items: readonly JsonValue[], depth: number): JsonValue[] | undefined {
  const copy: JsonValue[] = []
  for (const item of items) {
    const ordered = inKeyOrder(item, depth)
    if (ordered === undefined) return undefined
    copy.push(ordered)
  }
  return copy
}

function membersInKeyOrder(object: JsonObject, depth: number): JsonObject | undefined {
  const keys = Object.keys(object)
  sortKeys(keys)
  const copy: JsonObject = {}
  for (const key of keys) {
    const value = object[key]
    if (value === undefined) continue
    const ordered = inKeyOrder(value, depth)
    if (ordered === undefined || !keepsItsPlace(key)) return undefined
    copy[key] = ordered
  }
  return copy
}

/** A new object lists a key like "10" before all others, and takes "__proto__" for its prototype. */
function keepsItsPlace(key: string): boolean {
  const first = key.charCodeAt(0)
  return (first < DIGIT_0 || first > DIGIT_9) && key !== '__proto__'
}

function sortKeys(keys: string[]): void {
  if (keys.length > FEW_KEYS) {
    keys.sort()
    return
  }
  for (let i = 1; i < keys.length; i++) {
    const key = keys[i]!
    let place = i
    while (place > 0 && keys[place - 1]! > key) {
      keys[place] = keys[place - 1]!
      place--
    }
    keys[place] = key
  }
}

function hasSurrogateKey(value: JsonValue | undefined): boolean {
  if (typeof value !== 'object' || value === null) return false
  if (Array.isArray(value)) return value.some(hasSurrogateKey)
  return Object.keys(value).some((key) => surrogate.test(key) || hasSurrogateKey(value[key]))
}
