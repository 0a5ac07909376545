import type { JsonValue } from '@hearth/protocol'
import { ownUserId } from './default-rules.ts'
import { parsePropertyPath } from './property-path.ts'
import type { PushEvent } from './push-event.ts'
import { PushGlob } from './push-glob.ts'
import type { PushCondition } from './push-rule.ts'

/** For whom an event is judged. */
export interface Recipient {
  readonly userId: string
  /** What the user is called in the room; null for no name, absent while it is not known. */
  readonly displayName?: string | null
}

/** Whether a condition holds; undefined where it takes something that is not known. */
export type Holds = boolean | undefined

/** A condition, ready to be checked. */
export type CompiledCondition = (event: PushEvent, recipient: Recipient) => Holds

const bodyPath = ['content', 'body']
const never: CompiledCondition = () => false

/**
 * Makes a condition ready. One that is malformed never holds, nor one of an unknown kind.
 * {@link https://spec.matrix.org/v1.19/client-server-api/#conditions-1}
 */
export function compileCondition(condition: PushCondition): CompiledCondition {
  const { kind, key, pattern, value, is } = condition
  switch (kind) {
    case 'event_match':
      return typeof key === 'string' && typeof pattern === 'string' ? eventMatch(key, pattern) : never
    case 'event_property_is':
      return typeof key === 'string' ? propertyIs(key, value) : never
    case 'event_property_contains':
      return typeof key === 'string' ? propertyContains(key, value) : never
    case 'contains_display_name':
      return containsDisplayName
    case 'room_member_count':
      return typeof is === 'string' ? roomMemberCount(is) : never
    case 'sender_notification_permission':
      return typeof key === 'string' ? (event) => event.senderMayNotify?.(key) : never
    default:
      return never
  }
}

/** Whether a pattern is found in the body of a message, between the boundaries of words. */
export function bodyMatch(pattern: string): CompiledCondition {
  const glob = new PushGlob(pattern)
  return (event) => {
    const body = event.loweredAt('content.body', bodyPath)
    return body !== undefined && glob.matchesWords(body)
  }
}

function eventMatch(key: string, pattern: string): CompiledCondition {
  if (key === 'content.body') return bodyMatch(pattern)
  const path = parsePropertyPath(key)
  if (pattern === ownUserId) return (event, { userId }) => event.valueAt(path) === userId
  const glob = new PushGlob(pattern)
  return (event) => {
    const text = event.loweredAt(key, path)
    return text !== undefined && glob.matchesAll(text)
  }
}

function propertyIs(key: string, value: JsonValue | undefined): CompiledCondition {
  const path = parsePropertyPath(key)
  if (value === ownUserId) return (event, { userId }) => event.valueAt(path) === userId
  return (event) => value !== undefined && event.valueAt(path) === value
}

function propertyContains(key: string, value: JsonValue | undefined): CompiledCondition {
  const path = parsePropertyPath(key)
  return (event, { userId }) => {
    const values = event.valueAt(path)
    if (!Array.isArray(values) || value === undefined) return false
    return value === ownUserId ? event.isAbout(userId) && values.includes(userId) : values.includes(value)
  }
}

const containsDisplayName: CompiledCondition = (event, { displayName }) => {
  const body = event.loweredAt('content.body', bodyPath)
  if (body === undefined || displayName === null || displayName === '') return false
  // A name is no pattern: its signs stand for themselves. There are as many names as users, so nothing is compiled.
  return displayName === undefined ? undefined : containsWords(body, displayName.toLowerCase())
}

/** Names are short, and whoever is looked for under one has chosen to be. */
function containsWords(text: string, words: string): boolean {
  for (let at = text.indexOf(words); at >= 0; at = text.indexOf(words, at + 1)) {
    if (!/\w/.test(text[at - 1] ?? '') && !/\w/.test(text[at + words.length] ?? '')) return true
  }
  return false
}

function roomMemberCount(is: string): CompiledCondition {
  const [, comparison = '==', digits] = /^(==|<=|>=|<|>)?([0-9]+)$/.exec(is) ?? []
  if (digits === undefined) return never
  const wanted = Number(digits)
  return ({ memberCount }) => {
    if (memberCount === undefined) return undefined
    switch (comparison) {
      case '<':
        return memberCount < wanted
      case '>':
        return memberCount > wanted
      case '<=':
        return memberCount <= wanted
      case '>=':
        return memberCount >= wanted
      default:
        return memberCount === wanted
    }
  }
}
