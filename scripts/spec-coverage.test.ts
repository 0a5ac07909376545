import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { endpointFiles, servedRoutes } from './served-routes.ts'
import {
  keyOf,
  routeKey,
  specCoveragePage,
  specOperations,
  type FurtherEndpoints,
  type SpecEndpoints,
} from './spec-coverage.ts'

const data = <T>(name: string): T =>
  JSON.parse(readFileSync(new URL(`../schemas/${name}`, import.meta.url), 'utf8')) as T
const spec = data<SpecEndpoints>('spec-endpoints.json')
const further = data<FurtherEndpoints>('further-endpoints.json')

const operations = specOperations(spec)
const served = servedRoutes()
const files = endpointFiles()

/** `getRoomStateWithKey`, and the specification's odd `logout_all`, as the name of a file. */
function kebabCase(name: string): string {
  return name
    .replaceAll(/([a-z\d])([A-Z])/g, '$1-$2')
    .replaceAll('_', '-')
    .toLowerCase()
}

/** The operations of the specification that have this route. */
function operationsOf(route: { method: string; path: string }) {
  const key = routeKey(route.method, route.path)
  return operations.filter(({ method, path }) => routeKey(method, path) === key)
}

describe('the files of endpoints', () => {
  const namesOf = (found: typeof files) => found.map(({ file }) => file)

  it('define one endpoint each, which endpoints.ts lists', () => {
    const listed = new Set(served.map(({ operation }) => operation))
    expect(namesOf(files.filter((each) => each.operations.length !== 1 || !listed.has(each.operations[0]!)))).toEqual(
      [],
    )
  })

  it('are named for their endpoints', () => {
    const misnamed = files.filter(({ file, operations: [operation = ''] }) => {
      // The founding API has operations of the same names as today's: their files have a folder of their own.
      const name = file.includes('/legacy/') ? operation.replace(/^legacy/, '') : operation
      return file.split('/').at(-1) !== `${kebabCase(name)}.ts`
    })
    expect(namesOf(misnamed)).toEqual([])
  })

  it('say what their endpoints are for, with a link to the specification where there is one', () => {
    const silent = files.filter(({ operations: [operation], comment }) => {
      const isSpecified = served.some((route) => route.operation === operation && operationsOf(route).length > 0)
      return !/[A-Z].*\./.test(comment) || (isSpecified && !comment.includes('{@link https://spec.matrix.org/v1.19/'))
    })
    expect(namesOf(silent)).toEqual([])
  })
})

describe('the served routes', () => {
  it('come from files that were found', () => {
    expect(served.filter(({ file }) => file === 'unknown')).toEqual([])
  })

  it('are each served once', () => {
    const keys = served.map(({ method, path }) => routeKey(method, path))
    expect(keys.filter((key, index) => keys.indexOf(key) !== index)).toEqual([])
  })

  it('have the name of the operation in the specification', () => {
    const misnamed = served.flatMap((route) => {
      const names = operationsOf(route).filter(({ named }) => named)
      const isOneOf = names.some(({ operation }) => kebabCase(operation) === kebabCase(route.operation))
      return names.length === 0 || isOneOf ? [] : [`${route.operation} is ${names[0]!.operation}`]
    })
    expect(misnamed).toEqual([])
  })

  it('are those of the specification and those of schemas/further-endpoints.json', () => {
    const beside = served.filter((route) => operationsOf(route).length === 0)
    const keys = beside.map(({ method, path }) => routeKey(method, path))
    expect(keys.sort()).toEqual(Object.values(further).flat().map(keyOf).sort())
  })
})

describe('docs/spec-coverage.md', () => {
  it('has every operation of the specification, with its file or "missing"', () => {
    const page = specCoveragePage(spec, further, served)
    for (const { api, operation, method, path } of operations) {
      const cells = ['client-server', 'server-server'].includes(api)
        ? `| ${method} ${path} | `
        : `| ${method} ${path} | ${api} |`
      expect(page, operation).toContain(cells)
    }
    expect(page).toContain('| GET /_matrix/client/v3/sync | packages/client-api/src/sync/sync.ts |')
    expect(page).toContain('| GET /_matrix/federation/v1/user/devices/{userId} | missing |')
  })
})

describe('a route', () => {
  it('is the same whatever its parameters are called, and by its older name', () => {
    expect(routeKey('GET', '/_matrix/client/r0/rooms/:roomId/state')).toBe(
      keyOf('GET /_matrix/client/v3/rooms/{id}/state'),
    )
    expect(routeKey('GET', '/a/:b')).not.toBe(routeKey('GET', '/a/:b/'))
  })
})
