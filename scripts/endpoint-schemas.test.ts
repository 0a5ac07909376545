import { describe, expect, it } from 'vitest'
import { endpoints } from '../packages/client-api/src/endpoints.ts'
import { eduTypes } from '../packages/federation/src/edus/edu-types.ts'
import { endpoints as federationEndpoints } from '../packages/federation/src/endpoints.ts'
import { operationsEndpoints } from '../packages/http/src/operations/operations.ts'
import { jsonBytes } from '../packages/http/src/request-body.ts'
import { Validator } from '../packages/http/src/validator.ts'
import { eventContents } from '../packages/protocol/src/index.ts'
import type { Schema } from '../packages/protocol/src/schema.ts'

interface Shape {
  readonly params?: Schema<unknown> | undefined
  readonly query?: Schema<unknown> | undefined
  readonly body?: Schema<unknown> | undefined
  readonly response: Schema<unknown>
}

// A server compiles a schema when somebody's request is checked against it: a wrong one has to be found before that.
describe('every schema that requests and answers are checked against is a right one', () => {
  const validator = new Validator()
  const all: Readonly<Record<string, Shape>> = { ...endpoints, ...federationEndpoints, ...operationsEndpoints }

  it.each(Object.keys(all))('of %s', (operation) => {
    const { params, query, body, response } = all[operation]!
    for (const schema of [params, query, body === jsonBytes ? undefined : body, response]) {
      if (schema !== undefined) validator.verify(schema)
    }
  })

  it.each([...eventContents, ...eduTypes.map(({ type, content }) => [type, content] as const)])(
    'of %s',
    (_, schema) => {
      validator.verify(schema)
    },
  )

  it('would be found out otherwise', () => {
    expect(() => validator.verify({ type: 'object', propertees: {} })).toThrow('propertees')
    expect(() => validator.verify({ type: 'string', format: 'no-such-format' })).toThrow('format')
  })
})
