import {
  pushRuleKinds,
  type PushAction,
  type PushCondition,
  type PushRule,
  type PushRuleKind,
  type PushRulesByKind,
} from '@hearth/core'
import { invalidParam, s, type JsonValue, type Schema } from '@hearth/protocol'

/** The kind of push rule that a path names. */
export const ruleKind: Schema<PushRuleKind> = s.literal(...pushRuleKinds)

/** The parameters of a path that names one push rule. */
export const ruleParameters = s.object({ kind: ruleKind, ruleId: s.string })

/** Actions or conditions as clients ask for them: what they are is for the rules to check. */
export const uncheckedList: Schema<JsonValue[]> = { type: 'array' }

const actions: Schema<readonly PushAction[]> = { type: 'array' }
const conditions: Schema<readonly PushCondition[]> = { type: 'array' }

/** A push rule in an answer. */
export const pushRule: Schema<PushRule> = s.object({
  rule_id: s.string,
  default: s.boolean,
  enabled: s.boolean,
  actions,
  conditions: s.optional(conditions),
  pattern: s.optional(s.string),
})

/** Push rules of one kind in an answer. */
export const pushRuleList: Schema<readonly PushRule[]> = s.array(pushRule)

/** All push rules in an answer. */
export const pushRulesByKind: Schema<PushRulesByKind> = s.object({
  override: pushRuleList,
  content: pushRuleList,
  room: pushRuleList,
  sender: pushRuleList,
  underride: pushRuleList,
})

/** The actions of a push rule in an answer. */
export const actionsAnswer = s.object({ actions })

/** Refuses a path that looks like that of a push rule and is none. @throws MatrixError M_INVALID_PARAM. */
export function refuseRulePath(): never {
  throw invalidParam('The path of a push rule is global, a kind and the id of a rule, with enabled or actions after it')
}
