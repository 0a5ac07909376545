import type { JsonObject, JsonValue } from '@hearth/protocol'
import { CanonicalJsonError } from './canonical-json-error.ts'
import { canonicalNumber, type NumberRule } from './canonical-number.ts'
import { compareCodePoints } from './compare-code-points.ts'

type Member = JsonValue | undefined

/** An array or object that has been begun: `next` is the place of the item or key to be written next. */
type OpenValue = { readonly items: readonly Member[]; next: number } | OpenObject
interface OpenObject {
  readonly keys: readonly string[]
  readonly object: JsonObject
  next: number
}

const surrogate = /[\ud800-\udfff]/

/** Writes any value as canonical JSON, in full generality and without recursion. */
export function writeCanonicalJson(root: JsonValue, numbers: NumberRule): string {
  const open: OpenValue[] = []
  let text = ''
  let value: Member = root
  for (;;) {
    if (typeof value !== 'object' || value === null) text += writeScalar(value, numbers)
    else if (Array.isArray(value)) {
      open.push({ items: value, next: 0 })
      text += '['
    } else {
      open.push({ keys: presentKeys(value), object: value, next: 0 })
      text += '{'
    }
    let current = open.at(-1)
    while (current !== undefined && isComplete(current)) {
      text += 'keys' in current ? '}' : ']'
      open.pop()
      current = open.at(-1)
    }
    if (current === undefined) return text
    if (current.next > 0) text += ','
    if ('keys' in current) {
      const key = current.keys[current.next++]!
      text += `${writeString(key)}:`
      value = current.object[key]
    } else {
      value = current.items[current.next++]
    }
  }
}

function isComplete(open: OpenValue): boolean {
  return open.next === ('keys' in open ? open.keys : open.items).length
}

function presentKeys(object: JsonObject): string[] {
  const keys = Object.keys(object).filter((key) => object[key] !== undefined)
  return keys.some((key) => surrogate.test(key)) ? keys.sort(compareCodePoints) : keys.sort()
}

function writeScalar(value: Member, numbers: NumberRule): string {
  if (typeof value === 'string') return writeString(value)
  if (typeof value === 'number') return canonicalNumber(value, numbers)
  if (typeof value === 'boolean' || value === null) return String(value)
  throw new CanonicalJsonError(`A value is not JSON but ${typeof value}`)
}

function writeString(text: string): string {
  if (!text.isWellFormed()) throw new CanonicalJsonError('A string has a lone surrogate')
  // JSON.stringify escapes what canonical JSON escapes, in the same shortest way.
  return JSON.stringify(text)
}
