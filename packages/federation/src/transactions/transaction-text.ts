import { badJson, notJson } from '@hearth/protocol'

/** An item of a list, as it stands in the transaction. */
export interface TextItem {
  readonly text: string
  /** How deep arrays and objects are nested in it. */
  readonly depth: number
}

/** A transaction taken apart, without its items being parsed: one that is wrong must not take the others with it. */
export interface TransactionText {
  readonly pdus: readonly TextItem[]
  readonly edus: readonly TextItem[]
}

interface Value extends TextItem {
  /** Where it ends in the whole. */
  readonly end: number
}

const maxPdus = 50
const maxEdus = 100
/** Besides those of the specification there may be others, which nobody reads. */
const maxMembers = 50
const QUOTE = 0x22
const COMMA = 0x2c
const COLON = 0x3a
const BACKSLASH = 0x5c
const OPEN_BRACKET = 0x5b
const CLOSE_BRACKET = 0x5d
const OPEN_BRACE = 0x7b
const CLOSE_BRACE = 0x7d
const space = /[ \t\n\r]*/y
const scalar = /[-+.0-9A-Za-z]+/y
const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })

/**
 * Takes a transaction apart.
 * @throws MatrixError 400 `M_NOT_JSON` for what cannot be JSON, `M_BAD_JSON` for what is no transaction or has more in it
 *   than one may have.
 */
export function splitTransaction(bytes: Uint8Array): TransactionText {
  const text = decode(bytes)
  const members = new Map<string, Value>()
  const end = readMembers(text, (name, value) => {
    if (members.has(name)) throw badJson('The transaction has a key twice')
    if (members.size === maxMembers) throw badJson('The transaction has too many keys')
    members.set(name, value)
  })
  if (skipSpace(text, end) < text.length) throw notJson('The transaction is not JSON')
  const lists = new Set(['pdus', 'edus'])
  for (const [name, value] of members) if (!lists.has(name)) checkIsJson(value)
  const sentAt = members.get('origin_server_ts')?.text
  if (sentAt !== undefined && !/^-?\d{1,16}$/.test(sentAt)) throw badJson('origin_server_ts is not an integer')
  const pdus = itemsOf(members.get('pdus'), 'pdus', maxPdus)
  if (pdus === undefined) throw badJson('The transaction has no list of PDUs')
  return { pdus, edus: itemsOf(members.get('edus'), 'edus', maxEdus) ?? [] }
}

function decode(bytes: Uint8Array): string {
  try {
    return utf8.decode(bytes)
  } catch {
    throw notJson('The transaction is not valid UTF-8')
  }
}

function checkIsJson({ text }: Value): void {
  try {
    JSON.parse(text)
  } catch {
    throw notJson('The transaction is not JSON')
  }
}

function itemsOf(list: Value | undefined, name: string, maxItems: number): TextItem[] | undefined {
  if (list === undefined) return undefined
  const { text } = list
  if (text.charCodeAt(0) !== OPEN_BRACKET) throw badJson(`${name} is not a list`)
  const items: TextItem[] = []
  let at = skipSpace(text, 1)
  if (text.charCodeAt(at) === CLOSE_BRACKET) return items
  for (;;) {
    const item = readValue(text, at)
    if (items.push(item) > maxItems) throw badJson(`A transaction has at most ${maxItems} ${name}`)
    at = skipSpace(text, item.end)
    if (text.charCodeAt(at) === CLOSE_BRACKET) return items
    at = skipSpace(text, expect(text, at, COMMA))
  }
}

/** Reads the members of the object that the text starts with. Returns where it ends. */
function readMembers(text: string, onMember: (name: string, value: Value) => void): number {
  let at = skipSpace(text, expect(text, skipSpace(text, 0), OPEN_BRACE))
  if (text.charCodeAt(at) === CLOSE_BRACE) return at + 1
  for (;;) {
    if (text.charCodeAt(at) !== QUOTE) throw notJson('The transaction is not JSON')
    const nameEnd = endOfString(text, at)
    const name = text.slice(at, nameEnd)
    at = skipSpace(text, expect(text, skipSpace(text, nameEnd), COLON))
    const value = readValue(text, at)
    onMember(parseName(name), value)
    at = skipSpace(text, value.end)
    if (text.charCodeAt(at) === CLOSE_BRACE) return at + 1
    at = skipSpace(text, expect(text, at, COMMA))
  }
}

function parseName(text: string): string {
  try {
    return JSON.parse(text) as string
  } catch {
    throw notJson('The transaction is not JSON')
  }
}

/** Reads up to the end of a value. Whether it is JSON shows only when it is parsed. */
function readValue(text: string, start: number): Value {
  const first = text.charCodeAt(start)
  if (first === QUOTE) {
    const end = endOfString(text, start)
    return { text: text.slice(start, end), depth: 0, end }
  }
  if (first !== OPEN_BRACE && first !== OPEN_BRACKET) {
    scalar.lastIndex = start
    if (!scalar.test(text)) throw notJson('The transaction is not JSON')
    return { text: text.slice(start, scalar.lastIndex), depth: 0, end: scalar.lastIndex }
  }
  let open = 0
  let depth = 0
  for (let at = start; at < text.length;) {
    const unit = text.charCodeAt(at)
    if (unit === QUOTE) {
      at = endOfString(text, at)
      continue
    }
    at++
    if (unit === OPEN_BRACE || unit === OPEN_BRACKET) depth = Math.max(depth, ++open)
    else if ((unit === CLOSE_BRACE || unit === CLOSE_BRACKET) && --open === 0) {
      return { text: text.slice(start, at), depth, end: at }
    }
  }
  throw notJson('The transaction is not JSON')
}

/** Where the string that begins with a quote ends, the closing quote included. */
function endOfString(text: string, start: number): number {
  for (let at = start + 1; ;) {
    const quote = text.indexOf('"', at)
    if (quote === -1) throw notJson('The transaction is not JSON')
    let escapes = quote
    while (text.charCodeAt(escapes - 1) === BACKSLASH) escapes--
    if ((quote - escapes) % 2 === 0) return quote + 1
    at = quote + 1
  }
}

function expect(text: string, at: number, unit: number): number {
  if (text.charCodeAt(at) !== unit) throw notJson('The transaction is not JSON')
  return at + 1
}

function skipSpace(text: string, at: number): number {
  space.lastIndex = at
  space.test(text)
  return space.lastIndex
}
