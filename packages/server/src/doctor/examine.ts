import { checks, type CheckName } from './checks.ts'
import { error, reasonOf, type DoctorContext, type Finding } from './finding.ts'

const CHECK_LIMIT_MS = 25_000

export type NamedFinding = Finding & { readonly check: CheckName }

export interface ExamineOptions {
  /** How long one check may take; 25 s when absent. */
  readonly limitMs?: number
  /** These checks; every one when absent. */
  readonly only?: readonly CheckName[] | undefined
}

/** Runs the checks, all at once; one that takes too long or fails is a finding itself. In the order of the checks. */
export async function examine(
  context: DoctorContext,
  { limitMs = CHECK_LIMIT_MS, only }: ExamineOptions = {},
): Promise<readonly NamedFinding[]> {
  const names = (Object.keys(checks) as CheckName[]).filter((name) => only?.includes(name) ?? true)
  const found = await Promise.all(names.map((name) => run(name, context, limitMs)))
  return found.flat()
}

async function run(check: CheckName, context: DoctorContext, limitMs: number): Promise<readonly NamedFinding[]> {
  const limit = new AbortController()
  const tooLate = Promise.withResolvers<never>()
  const timer = setTimeout(() => {
    const failure = new Error(`there was no answer within ${limitMs / 1000} seconds`)
    limit.abort(failure)
    tooLate.reject(failure)
  }, limitMs)
  try {
    const findings = await Promise.race([checks[check](context, limit.signal), tooLate.promise])
    return findings.map((finding) => ({ check, ...finding }))
  } catch (failure) {
    const fix = 'see what stands in the way: a firewall, the name, or the service itself'
    return [{ check, ...error(`could not be checked: ${reasonOf(failure)}`, fix) }]
  } finally {
    clearTimeout(timer)
  }
}
