import { isJsonObject } from '@hearth/protocol'
import {
  bodyMatch,
  compileCondition,
  type CompiledCondition,
  type Holds,
  type Recipient,
} from './compiled-condition.ts'
import type { PushEvent } from './push-event.ts'
import type { PushAction, PushRule, PushRulesByKind } from './push-rule.ts'

/** What a notification does to the counts of a user. */
export interface PushEffect {
  readonly notifies: boolean
  readonly highlights: boolean
}

interface CompiledRule extends PushEffect {
  readonly actions: readonly PushAction[]
  readonly conditions: readonly CompiledCondition[]
}

const nothing: CompiledRule = { actions: [], conditions: [], notifies: false, highlights: false }

/** The enabled rules of a user, ready to judge events. Nothing about the user is in them: sets that are the same are shared. */
export class CompiledPushRules {
  readonly #override: readonly CompiledRule[]
  readonly #content: readonly CompiledRule[]
  readonly #room: ReadonlyMap<string, CompiledRule>
  readonly #sender: ReadonlyMap<string, CompiledRule>
  readonly #underride: readonly CompiledRule[]
  /** Those that are not about one room or one sender. */
  readonly #general: readonly CompiledRule[]
  /** What was found of events for those whom they are not about. */
  readonly #effects = new WeakMap<PushEvent, PushEffect>()
  /** Whether a rule looks for what its user is called. */
  readonly asksForName: boolean

  constructor(rules: PushRulesByKind) {
    const withConditions = ({ conditions = [] }: PushRule) => conditions.map(compileCondition)
    this.#override = compiled(rules.override, withConditions)
    this.#content = compiled(rules.content, ({ pattern = '' }) => [bodyMatch(pattern)])
    this.#room = byId(rules.room)
    this.#sender = byId(rules.sender)
    this.#underride = compiled(rules.underride, withConditions)
    this.#general = [...this.#override, ...this.#content, ...this.#underride]
    this.asksForName = [...rules.override, ...rules.underride].some(({ enabled, conditions = [] }) => {
      return enabled && conditions.some(({ kind }) => kind === 'contains_display_name')
    })
  }

  /** The actions of the first rule that matches. What is not known of the event does not match. */
  actionsFor(event: PushEvent, recipient: Recipient): readonly PushAction[] {
    for (const rule of this.#candidates(event)) if (matches(rule, event, recipient) === true) return rule.actions
    return nothing.actions
  }

  /** What the event does to the counts; undefined where that depends on something that is not known of the event. */
  effectOf(event: PushEvent, recipient: Recipient): PushEffect | undefined {
    const isShared = !this.asksForName && !event.isAbout(recipient.userId)
    const known = isShared ? this.#effects.get(event) : undefined
    if (known) return known
    const effect = this.#judge(event, recipient)
    if (isShared && effect) this.#effects.set(event, effect)
    return effect
  }

  #judge(event: PushEvent, recipient: Recipient): PushEffect | undefined {
    const possible: CompiledRule[] = []
    let found: CompiledRule = nothing
    for (const rule of this.#candidates(event)) {
      const match = matches(rule, event, recipient)
      if (match === undefined) possible.push(rule)
      if (match === true) {
        found = rule
        break
      }
    }
    const isCertain = possible.every(({ notifies, highlights }) => {
      return notifies === found.notifies && highlights === found.highlights
    })
    return isCertain ? found : undefined
  }

  /** The rules that may match, in the order in which they are tried. */
  #candidates({ roomId, sender }: PushEvent): readonly CompiledRule[] {
    const ofRoom = this.#room.get(roomId)
    const ofSender = this.#sender.get(sender)
    if (!ofRoom && !ofSender) return this.#general
    const particular = [ofRoom, ofSender].filter((rule) => rule !== undefined)
    return [...this.#override, ...this.#content, ...particular, ...this.#underride]
  }
}

function compiled(
  rules: readonly PushRule[],
  conditionsOf: (rule: PushRule) => readonly CompiledCondition[],
): CompiledRule[] {
  return rules.flatMap((rule) => (rule.enabled ? [compiledRule(rule, conditionsOf(rule))] : []))
}

function byId(rules: readonly PushRule[]): Map<string, CompiledRule> {
  return new Map(rules.flatMap((rule) => (rule.enabled ? [[rule.rule_id, compiledRule(rule, [])] as const] : [])))
}

function compiledRule({ actions }: PushRule, conditions: readonly CompiledCondition[]): CompiledRule {
  const highlight = actions.find((action) => isJsonObject(action) && action.set_tweak === 'highlight')
  const notifies = actions.includes('notify')
  const highlights = isJsonObject(highlight) && (highlight['value'] === undefined || highlight['value'] === true)
  return { actions, conditions, notifies, highlights: notifies && highlights }
}

function matches({ conditions }: CompiledRule, event: PushEvent, recipient: Recipient): Holds {
  let holds: Holds = true
  for (const condition of conditions) {
    const each = condition(event, recipient)
    if (each === false) return false
    if (each === undefined) holds = undefined
  }
  return holds
}
