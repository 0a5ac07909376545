import { badJson, invalidParam, MatrixError, stringFormats, type Schema } from '@hearth/protocol'
import { Ajv, type ErrorObject, type ValidateFunction } from 'ajv'

/** What is checked: the words with which an error begins. */
export type Subject = 'path' | 'query' | 'body' | 'content' | 'response'

/** Checks a value; throws a MatrixError that says what is wrong with it. */
export type Check = (value: unknown) => void

/** Turns schemas into checks. Each is compiled when it is used first: most of what a server could be asked, nobody asks. */
export class Validator {
  readonly #ajv = new Ajv({
    // Keys of the wire may be called `constructor` or `__proto__`: only own properties are properties.
    ownProperties: true,
    allowUnionTypes: true,
    discriminator: true,
    strictTypes: false,
    strictRequired: false,
    formats: stringFormats,
  })

  /** The check of a schema that {@link verify} has nothing against. */
  compile(schema: Schema<unknown>, subject: Subject): Check {
    let validate: ValidateFunction | undefined
    return (value) => {
      validate ??= this.#ajv.compile(schema)
      if (!validate(value)) throw refusal(validate.errors![0]!, subject)
    }
  }

  /** Throws when the schema itself is wrong: a misspelled keyword, an unknown format. For tests. */
  verify(schema: Schema<unknown>): void {
    this.#ajv.compile(schema)
  }
}

/** Keywords that a value of the right type and shape can still fail. */
const VALUE_KEYWORDS: ReadonlySet<string> = new Set([
  'exclusiveMaximum',
  'exclusiveMinimum',
  'format',
  'maximum',
  'maxLength',
  'minimum',
  'minLength',
  'multipleOf',
  'pattern',
])

/**
 * The specification leaves the choice of code open. As Synapse: a missing key is M_MISSING_PARAM, a value of the wrong
 * type or none of those listed M_BAD_JSON, and one of the right type that cannot be M_INVALID_PARAM. Content that does not
 * fit is M_BAD_JSON, whatever is wrong with it.
 */
function refusal(error: ErrorObject, subject: Subject): Error {
  const place = subject + error.instancePath.replaceAll('/', '.')
  if (error.keyword === 'required') {
    const { missingProperty } = error.params as { missingProperty: string }
    const code = subject === 'content' ? 'M_BAD_JSON' : 'M_MISSING_PARAM'
    return new MatrixError(code, `${place}.${missingProperty} is missing`)
  }
  const message = `${place} ${error.message ?? 'is not acceptable'}`
  if (subject === 'content') return badJson(message)
  return subject !== 'body' || VALUE_KEYWORDS.has(error.keyword) ? invalidParam(message) : badJson(message)
}
