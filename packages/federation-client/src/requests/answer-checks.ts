import { stringFormats, type Schema } from '@hearth/protocol'
import { Ajv, type ValidateFunction } from 'ajv'
import { InvalidAnswer } from '../server-unreachable.ts'

/** Checks answers against their schemas, each of which is compiled once. */
export class AnswerChecks {
  readonly #ajv = new Ajv({
    // Keys of the wire may be called `constructor` or `__proto__`: only own properties are properties.
    ownProperties: true,
    strictTypes: false,
    strictTuples: false,
    strictRequired: false,
    formats: stringFormats,
  })
  readonly #compiled = new WeakMap<Schema<unknown>, ValidateFunction>()

  /** The value, which has the schema's type. @throws InvalidAnswer when it has not */
  check<Answer>(value: unknown, schema: Schema<Answer>): Answer {
    const validate = this.#compiled.get(schema) ?? this.#compile(schema)
    if (validate(value)) return value as Answer
    const [error] = validate.errors!
    const missing =
      error!.keyword === 'required' ? ` (${(error!.params as { missingProperty: string }).missingProperty})` : ''
    throw new InvalidAnswer(`the answer${error!.instancePath.replaceAll('/', '.')} ${error!.message}${missing}`)
  }

  #compile(schema: Schema<unknown>): ValidateFunction {
    const validate = this.#ajv.compile(schema)
    this.#compiled.set(schema, validate)
    return validate
  }
}
