/** Whether an event may be, and if not, which numbered rule of its room version says so. */
export type Verdict = Allowed | Refusal

export interface Allowed {
  readonly allowed: true
}

export interface Refusal {
  readonly allowed: false
  /** The rule's number in the specification of the room version, such as `4.3.7`. */
  readonly rule: string
  readonly reason: string
}

/** The event is allowed, and no later rule is asked. */
export const allow: Allowed = { allowed: true }

/** The event is refused. `rule` is a number within the enclosing rule; without it, that rule itself refuses. */
export function refuse(reason: string, rule = ''): Refusal {
  return { allowed: false, rule, reason }
}

/**
 * Asks the rules of an ordered list until one decides, and numbers its refusal by its place.
 * The room version has the list, so that the same rule carries the number it has in that version.
 */
export function firstVerdict<Name extends string, Subject>(
  names: readonly Name[],
  rules: Readonly<Record<Name, (subject: Subject) => Verdict | undefined>>,
  subject: Subject,
): Verdict | undefined {
  for (const [index, name] of names.entries()) {
    const verdict = rules[name](subject)
    if (verdict !== undefined) return numbered(index + 1, verdict)
  }
  return undefined
}

/** Puts the number of the enclosing rule before that of a refusal. */
export function numbered(rule: number | string, verdict: Verdict): Verdict {
  if (verdict.allowed) return verdict
  return refuse(verdict.reason, verdict.rule === '' ? String(rule) : `${rule}.${verdict.rule}`)
}
