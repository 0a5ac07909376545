import { invalidParam, MatrixError, notFound, type JsonObject } from '@hearth/protocol'
import { defaultOverrideRules, defaultUnderrideRules, masterRule, ownUserId } from './default-rules.ts'
import { CompiledPushRules } from './compiled-push-rules.ts'
import { pushRuleKinds, type PushAction, type PushRule, type PushRuleKind, type PushRulesByKind } from './push-rule.ts'

/** How one of the server's rules was changed. */
interface DefaultChange {
  readonly enabled?: boolean
  readonly actions?: readonly PushAction[]
}

type UserRules = Readonly<Record<PushRuleKind, readonly PushRule[]>>

/** Where to put a rule. Without either it stays where it is, or comes first if it is new. */
export interface RulePlace {
  /** The rule that is to be the next less important one. */
  readonly before?: string | undefined
  /** The rule that is to be the next more important one. */
  readonly after?: string | undefined
}

const noRules: UserRules = { override: [], content: [], room: [], sender: [], underride: [] }
const defaultRuleIds: Readonly<Record<PushRuleKind, ReadonlySet<string>>> = {
  override: new Set([masterRule, ...defaultOverrideRules].map(({ rule_id: id }) => id)),
  content: new Set(),
  room: new Set(),
  sender: new Set(),
  underride: new Set(defaultUnderrideRules.map(({ rule_id: id }) => id)),
}

/**
 * A user's push rules: the server's, and how the user's differ from them. Kept as the differences alone, so that a change
 * of the server's rules reaches everybody. A set never changes; each change gives another.
 */
export class PushRuleSet {
  static #standard: PushRuleSet | undefined
  readonly #own: UserRules
  readonly #defaults: ReadonlyMap<string, DefaultChange>
  #template: PushRulesByKind | undefined
  #compiled: CompiledPushRules | undefined

  private constructor(own: UserRules, defaults: ReadonlyMap<string, DefaultChange>) {
    this.#own = own
    this.#defaults = defaults
  }

  /** The set of whoever has changed nothing: one for all of them, so that what is worked out of it is shared. */
  static get standard(): PushRuleSet {
    // Not a static initializer: compiled, it would need the class before there is one.
    return (PushRuleSet.#standard ??= new PushRuleSet(noRules, new Map()))
  }

  /** Reads what {@link toText} wrote. */
  static parse(text: string): PushRuleSet {
    const { rules, defaults } = JSON.parse(text) as { rules: UserRules; defaults: [string, DefaultChange][] }
    return new PushRuleSet({ ...noRules, ...rules }, new Map(defaults))
  }

  /** The differences from the server's rules. */
  toText(): string {
    return JSON.stringify({ rules: this.#own, defaults: [...this.#defaults] })
  }

  /** How many rules are the user's own. */
  get ownCount(): number {
    return pushRuleKinds.reduce((count, kind) => count + this.#own[kind].length, 0)
  }

  /** How much text there is in patterns that are looked for anywhere in an event's text: what looking for them costs. */
  get searchLength(): number {
    let length = 0
    for (const kind of pushRuleKinds) {
      for (const { pattern = '', conditions = [] } of this.#own[kind]) {
        length += pattern.length
        for (const { key, pattern: glob } of conditions) {
          const isSearch = typeof glob === 'string' && (key === 'content.body' || /[*?]/.test(glob))
          if (isSearch) length += glob.length
        }
      }
    }
    return length
  }

  /** The rules in order, with {@link ownUserId} where the user's id belongs: the same object as long as the set lives. */
  get template(): PushRulesByKind {
    const { override, content, room, sender, underride } = this.#own
    return (this.#template ??= {
      override: [this.#changed(masterRule), ...override, ...defaultOverrideRules.map((rule) => this.#changed(rule))],
      content,
      room,
      sender,
      underride: [...underride, ...defaultUnderrideRules.map((rule) => this.#changed(rule))],
    })
  }

  /** The rules ready to judge events: compiled once, when they are first needed. */
  get compiled(): CompiledPushRules {
    return (this.#compiled ??= new CompiledPushRules(this.template))
  }

  /** The rules as their user sees them. */
  rulesOf(userId: string): PushRulesByKind {
    const rules = Object.entries(this.template).map(([kind, list]) => [
      kind,
      list.map((rule) => filledIn(rule, userId)),
    ])
    return Object.fromEntries(rules) as PushRulesByKind
  }

  /** One rule as its user sees it. @throws MatrixError M_NOT_FOUND. */
  find(kind: PushRuleKind, ruleId: string, userId: string): PushRule {
    const rule = this.template[kind].find(({ rule_id: id }) => id === ruleId)
    if (!rule) throw notFound('There is no such push rule')
    return filledIn(rule, userId)
  }

  /**
   * Adds a rule, or replaces what a rule of that id says; it stays enabled or disabled.
   *
   * @throws MatrixError M_INVALID_PARAM for a place next to one of the server's rules, M_UNKNOWN (400) next to none.
   */
  put(
    kind: PushRuleKind,
    rule: Pick<PushRule, 'rule_id' | 'actions' | 'conditions' | 'pattern'>,
    place: RulePlace = {},
  ) {
    const known = this.#own[kind].find(({ rule_id: id }) => id === rule.rule_id)
    const put: PushRule = { ...rule, default: false, enabled: known?.enabled ?? true }
    const others = this.#own[kind].filter((each) => each !== known)
    const { before, after } = place
    if (before === undefined && after === undefined) {
      return this.#with(kind, known ? this.#own[kind].map((each) => (each === known ? put : each)) : [put, ...others])
    }
    const at = before === undefined ? placeOf(others, after!) + 1 : placeOf(others, before)
    return this.#with(kind, others.toSpliced(at, 0, put))
  }

  /** @throws MatrixError M_NOT_FOUND unless the user has made such a rule. */
  delete(kind: PushRuleKind, ruleId: string): PushRuleSet {
    const kept = this.#own[kind].filter(({ rule_id: id }) => id !== ruleId)
    if (kept.length === this.#own[kind].length) throw notFound('You have no such push rule')
    return this.#with(kind, kept)
  }

  /** Changes a rule, the user's or the server's. @throws MatrixError M_NOT_FOUND. */
  change(kind: PushRuleKind, ruleId: string, change: DefaultChange): PushRuleSet {
    if (defaultRuleIds[kind].has(ruleId)) {
      const changed = { ...this.#defaults.get(ruleId), ...change }
      return new PushRuleSet(this.#own, new Map([...this.#defaults, [ruleId, changed]]))
    }
    if (!this.#own[kind].some(({ rule_id: id }) => id === ruleId)) throw notFound('There is no such push rule')
    const rules = this.#own[kind].map((rule) => (rule.rule_id === ruleId ? { ...rule, ...change } : rule))
    return this.#with(kind, rules)
  }

  /**
   * Gives a room the rules that another has: its room rule, and the override and underride rules that name it. The same set
   * when there are none.
   */
  copyRoom(oldRoomId: string, newRoomId: string): PushRuleSet {
    const copies = pushRuleKinds.flatMap((kind) =>
      this.#own[kind].flatMap((rule) => {
        const copy = copyForRoom(kind, rule, oldRoomId, newRoomId)
        return copy ? [{ kind, rule, copy }] : []
      }),
    )
    return copies.reduce<PushRuleSet>((set, { kind, rule, copy }) => set.#withCopy(kind, rule, copy), this)
  }

  #withCopy(kind: PushRuleKind, original: PushRule, copy: PushRule): PushRuleSet {
    const rules = this.#own[kind]
    if (rules.some(({ rule_id: id }) => id === copy.rule_id)) return this
    return this.#with(kind, rules.toSpliced(rules.indexOf(original) + 1, 0, copy))
  }

  #with(kind: PushRuleKind, rules: readonly PushRule[]): PushRuleSet {
    return new PushRuleSet({ ...this.#own, [kind]: rules }, this.#defaults)
  }

  #changed(rule: PushRule): PushRule {
    const change = this.#defaults.get(rule.rule_id)
    return change ? { ...rule, ...change } : rule
  }
}

function placeOf(rules: readonly PushRule[], ruleId: string): number {
  if (ruleId.startsWith('.')) throw invalidParam('Rules can be placed next to rules of your own only')
  const at = rules.findIndex(({ rule_id: id }) => id === ruleId)
  if (at < 0) throw new MatrixError('M_UNKNOWN', 'There is no push rule to place this one next to', { status: 400 })
  return at
}

/** The rule for a room that says what another says of an older room; undefined for a rule that does not name that room. */
function copyForRoom(kind: PushRuleKind, rule: PushRule, oldRoomId: string, newRoomId: string): PushRule | undefined {
  if (kind === 'room') return rule.rule_id === oldRoomId ? { ...rule, rule_id: newRoomId } : undefined
  const { conditions = [] } = rule
  if (!conditions.some((condition) => namesRoom(condition, oldRoomId))) return undefined
  return {
    ...rule,
    // Clients name the rule that mutes a room after the room.
    rule_id: rule.rule_id === oldRoomId ? newRoomId : `${rule.rule_id}_${newRoomId}`,
    conditions: conditions.map((condition) =>
      namesRoom(condition, oldRoomId) ? { ...condition, pattern: newRoomId } : condition,
    ),
  }
}

function namesRoom(condition: JsonObject, roomId: string): boolean {
  return condition['kind'] === 'event_match' && condition['key'] === 'room_id' && condition['pattern'] === roomId
}

function filledIn(rule: PushRule, userId: string): PushRule {
  if (!rule.default || !rule.conditions) return rule
  const conditions = rule.conditions.map((condition) => {
    if (condition['pattern'] === ownUserId) return { ...condition, pattern: userId }
    return condition['value'] === ownUserId ? { ...condition, value: userId } : condition
  })
  return { ...rule, conditions }
}
