import type { Schema } from '@hearth/protocol'
import { Validator, type Check } from './validator.ts'

/**
 * Compiles the schemas of what is inside of requests, such as the contents of events, into checks of the same names. Each
 * throws a MatrixError M_BAD_JSON.
 */
export function contentChecks(schemas: ReadonlyMap<string, Schema<unknown>>): ReadonlyMap<string, Check> {
  const validator = new Validator()
  return new Map([...schemas].map(([name, schema]) => [name, validator.compile(schema, 'content')]))
}
