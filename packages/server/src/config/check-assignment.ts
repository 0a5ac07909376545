import { Ajv, type ErrorObject, type ValidateFunction } from 'ajv'
import type { Assignment } from './assignment.ts'
import { formats } from './formats.ts'
import { allowedValues, type Setting } from './settings.ts'

/** A check of one assignment against its setting's schema: what is wrong with it, if anything is. */
export type AssignmentCheck = (assignment: Assignment) => string | undefined

/** Builds the check. The schemas of settings that nobody sets are never compiled. */
export function assignmentCheck(): AssignmentCheck {
  const ajv = new Ajv({ formats })
  ajv.addVocabulary([
    'x-allowed',
    'x-default',
    'x-computed',
    'x-environment',
    'x-reserved',
    'x-secret',
    'x-type',
  ] satisfies (keyof Setting['schema'])[])
  return (assignment) => {
    const accepts: ValidateFunction = ajv.compile(assignment.setting.schema)
    if (accepts(assignment.value)) return undefined
    return `${assignment.origin}: ${assignment.setting.key}: ${complaint(assignment, accepts.errors![0]!)}`
  }
}

function complaint({ setting, value }: Assignment, error: ErrorObject): string {
  const list = setting.schema.type === 'array' ? 'a list of ' : ''
  const allowed = `allowed: ${list}${allowedValues(setting)}`
  if (error.keyword === 'uniqueItems') return `names the same twice; ${allowed}`
  if (error.keyword === 'minItems') return `must not be empty; ${allowed}`
  const index = /^\/(\d+)/.exec(error.instancePath)?.[1]
  const culprit: unknown = index === undefined ? value : (value as unknown[])[Number(index)]
  return `${setting.schema['x-secret'] ? 'the given value' : JSON.stringify(culprit)} is not allowed; ${allowed}`
}
