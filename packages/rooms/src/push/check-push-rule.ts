import { badJson, invalidParam, isJsonObject, isStorableText, MatrixError, type JsonValue } from '@hearth/protocol'
import type { PushAction, PushCondition, PushRule, PushRuleKind } from './push-rule.ts'

const maxIdBytes = 255
const maxPatternLength = 1_024
const maxConditions = 100
const maxActions = 32
const maxRuleBytes = 32 * 1024

/** Actions without parameters. The last two did something long ago; they are kept as they are, and do nothing. */
const plainActions: ReadonlySet<string> = new Set(['notify', 'dont_notify', 'coalesce'])
const memberCountPattern = /^(?:==|<=|>=|<|>)?[0-9]{1,9}$/

/** The parts of a rule that its user chooses. */
export type ChosenRule = Pick<PushRule, 'rule_id' | 'actions' | 'conditions' | 'pattern'>

/** What a client asks to put. */
export interface RuleRequest {
  readonly actions: JsonValue
  readonly conditions?: JsonValue | undefined
  readonly pattern?: JsonValue | undefined
}

/**
 * Checks a rule that a user wants to have, and takes of it what its kind has.
 * {@link https://spec.matrix.org/v1.19/client-server-api/#put_matrixclientv3pushrulesglobalkindruleid}
 *
 * @throws MatrixError M_INVALID_PARAM, M_BAD_JSON, M_MISSING_PARAM, M_TOO_LARGE.
 */
export function checkPushRule(kind: PushRuleKind, ruleId: string, request: RuleRequest): ChosenRule {
  checkRuleId(ruleId)
  const actions = checkActions(request.actions)
  const rule = { rule_id: ruleId, actions, ...partsOf(kind, request) }
  if (Buffer.byteLength(JSON.stringify(rule)) > maxRuleBytes) {
    throw new MatrixError('M_TOO_LARGE', `A push rule may have at most ${maxRuleBytes} bytes`)
  }
  return rule
}

/** Checks a list of actions. @throws MatrixError M_BAD_JSON, M_INVALID_PARAM. */
export function checkActions(actions: JsonValue): readonly PushAction[] {
  if (!Array.isArray(actions)) throw badJson('The actions must be a list')
  if (actions.length > maxActions) throw invalidParam(`A push rule may have at most ${maxActions} actions`)
  for (const action of actions) {
    const isKnown = isJsonObject(action) ? typeof action['set_tweak'] === 'string' : plainActions.has(action as string)
    if (!isKnown) throw invalidParam('Actions are "notify" and objects with "set_tweak"')
  }
  if (Buffer.byteLength(JSON.stringify(actions)) > maxRuleBytes) {
    throw new MatrixError('M_TOO_LARGE', `The actions of a push rule may have at most ${maxRuleBytes} bytes`)
  }
  return actions as PushAction[]
}

function checkRuleId(ruleId: string): void {
  if (ruleId.startsWith('.')) throw invalidParam('Ids with a leading dot are for the rules of the server')
  if (/[/\\]/.test(ruleId)) throw invalidParam('Ids of push rules may not have slashes')
  if (!isStorableText(ruleId) || Buffer.byteLength(ruleId) > maxIdBytes) {
    throw invalidParam(`Ids of push rules may have at most ${maxIdBytes} bytes, and no NUL`)
  }
}

function partsOf(kind: PushRuleKind, { conditions = [], pattern }: RuleRequest): Partial<ChosenRule> {
  if (kind === 'override' || kind === 'underride') {
    if (!Array.isArray(conditions)) throw badJson('The conditions must be a list')
    if (conditions.length > maxConditions) throw invalidParam(`A rule may have at most ${maxConditions} conditions`)
    return { conditions: conditions.map(checkCondition) }
  }
  if (kind !== 'content') return {}
  if (pattern === undefined) throw new MatrixError('M_MISSING_PARAM', 'A content rule needs a pattern')
  return { pattern: checkPattern(pattern) }
}

function checkCondition(condition: JsonValue): PushCondition {
  if (!isJsonObject(condition) || typeof condition['kind'] !== 'string') throw badJson('A condition needs a kind')
  const { kind, key, pattern, value, is } = condition
  const needsKey = ['event_match', 'event_property_is', 'event_property_contains', 'sender_notification_permission']
  if (needsKey.includes(kind) && typeof key !== 'string') throw badJson(`A condition ${kind} needs a key`)
  if (kind === 'event_match') checkPattern(pattern)
  if ((kind === 'event_property_is' || kind === 'event_property_contains') && !isSimple(value)) {
    throw badJson(`A condition ${kind} needs a value that is a string, an integer, a boolean or null`)
  }
  if (kind === 'room_member_count' && !(typeof is === 'string' && memberCountPattern.test(is))) {
    throw badJson('A number of members is a decimal integer, which ==, <, >, <= or >= may precede')
  }
  return condition as PushCondition
}

function checkPattern(pattern: JsonValue | undefined): string {
  if (typeof pattern !== 'string') throw badJson('A pattern must be a string')
  if (pattern.length > maxPatternLength) throw invalidParam(`A pattern may have at most ${maxPatternLength} characters`)
  return pattern
}

function isSimple(value: JsonValue | undefined): boolean {
  return value === null || ['string', 'boolean'].includes(typeof value) || Number.isSafeInteger(value)
}
