import { badJson, notJson } from './errors.ts'
import { JsonTextScan } from './json-text-scan.ts'
import type { JsonValue } from './json.ts'

/** What `parseJson` refuses beyond what is never taken. */
export interface JsonTextLimits {
  /** How deep arrays and objects may be nested: `1` takes `[]`, not `[[]]`. The default is 64. */
  readonly maxDepth?: number
  /** Whether strings and keys may hold U+0000, which PostgreSQL's text cannot. The default is to let it through. */
  readonly nul?: 'allow' | 'refuse'
}

const DEFAULT_MAX_DEPTH = 64

// Stateless without `stream`. The byte order mark is kept, to be refused.
const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })

/**
 * Parses JSON that came from outside and refuses what cannot be handed on unchanged: bytes that are not UTF-8, duplicate
 * keys, lone surrogates, integers outside ±(2^53-1), numbers too large for a double, deep nesting. Fractions are taken,
 * since account data may hold them; `canonicalJson` refuses them for events. A key `__proto__` becomes a property like
 * any other.
 *
 * Throws `M_NOT_JSON` for what is not JSON and `M_BAD_JSON` for JSON that is not taken. Time is linear in the length.
 */
export function parseJson(bytes: Uint8Array, limits: JsonTextLimits = {}): JsonValue {
  let text: string
  try {
    text = utf8.decode(bytes)
  } catch {
    throw notJson('The content is not valid UTF-8')
  }
  if (text.charCodeAt(0) === 0xfeff) throw badJson('The content starts with a byte order mark')
  return parseValue(text, limits)
}

/** As `parseJson`, for text that has been decoded already. */
export function parseJsonText(text: string, limits: JsonTextLimits = {}): JsonValue {
  if (!text.isWellFormed()) throw badJson('The content has a lone surrogate')
  return parseValue(text, limits)
}

function parseValue(text: string, limits: JsonTextLimits): JsonValue {
  if (text === '') throw notJson('The content is empty')
  let value: JsonValue
  try {
    value = JSON.parse(text) as JsonValue
  } catch {
    // The parser's own message quotes the content, which must not get into a log.
    throw notJson('The content is not JSON')
  }
  const { maxDepth = DEFAULT_MAX_DEPTH, nul = 'allow' } = limits
  const members = new JsonTextScan(text, { maxDepth, refuseNul: nul === 'refuse' }).countMembers()
  // Of members with the same key JSON.parse keeps the last, so that the text has more of them than the value.
  if (members !== 0 && members !== countMembers(value)) throw badJson('An object has a key twice')
  return value
}

function countMembers(root: JsonValue): number {
  let members = 0
  // A stack of its own: the depth is limited by the caller's choice only.
  const open: JsonValue[] = [root]
  for (let value = open.pop(); value !== undefined; value = open.pop()) {
    if (typeof value !== 'object' || value === null) continue
    if (Array.isArray(value)) {
      for (const item of value) if (typeof item === 'object' && item !== null) open.push(item)
    } else {
      for (const key of Object.keys(value)) {
        members++
        const member = value[key]
        if (typeof member === 'object' && member !== null) open.push(member)
      }
    }
  }
  return members
}
