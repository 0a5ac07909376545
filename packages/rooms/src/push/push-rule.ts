import type { JsonObject } from '@hearth/protocol'

/** The kinds of push rules in the order in which they are looked at. */
export const pushRuleKinds = ['override', 'content', 'room', 'sender', 'underride'] as const

/** {@link https://spec.matrix.org/v1.19/client-server-api/#push-rules} */
export type PushRuleKind = (typeof pushRuleKinds)[number]

/** A tweak of how a notification is shown. */
export interface SetTweak extends JsonObject {
  set_tweak: string
}

/** What to do with an event that a rule matches. */
export type PushAction = string | SetTweak

/** What must hold for an event. Conditions of an unknown kind never do. */
export interface PushCondition extends JsonObject {
  kind: string
}

/** A rule as clients see it. */
export interface PushRule {
  readonly rule_id: string
  /** Whether the rule comes from the server. */
  readonly default: boolean
  readonly enabled: boolean
  readonly actions: readonly PushAction[]
  /** Of override and underride rules. */
  readonly conditions?: readonly PushCondition[]
  /** Of content rules. */
  readonly pattern?: string
}

/** All rules of a user, by kind, the most important first. */
export type PushRulesByKind = Readonly<Record<PushRuleKind, readonly PushRule[]>>
