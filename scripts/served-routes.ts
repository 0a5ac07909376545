import { globSync, readFileSync } from 'node:fs'
import { endpoints } from '../packages/client-api/src/endpoints.ts'
import { endpoints as federationEndpoints } from '../packages/federation/src/endpoints.ts'
import { operationsEndpoints } from '../packages/http/src/operations/operations.ts'
import type { ServedRoute } from './spec-coverage.ts'

/** A file that defines an endpoint. */
export interface EndpointFile {
  readonly file: string
  /** The names of the endpoints in it: there should be one. */
  readonly operations: readonly string[]
  /** The comment above the first one. */
  readonly comment: string
}

/** Finds the files of endpoints by what is in them, whether they are listed or not. */
export function endpointFiles(): EndpointFile[] {
  return globSync(['packages/{client-api,federation}/src/*/*.ts', 'packages/http/src/operations/*.ts'])
    .sort()
    .flatMap((file) => {
      const source = readFileSync(file, 'utf8')
      const definitions = [...source.matchAll(/^export const (\w+) = endpoint\(/gm)]
      if (definitions.length === 0) return []
      const comment = source.slice(0, definitions[0]!.index).split('/**').at(-1)!
      return [{ file, operations: definitions.map(([, operation]) => operation!), comment }]
    })
}

/** Lists every route that the server answers, with the file of its endpoint. */
export function servedRoutes(): ServedRoute[] {
  const files = new Map(endpointFiles().flatMap(({ file, operations }) => operations.map((name) => [name, file])))
  return Object.entries({ ...endpoints, ...federationEndpoints, ...operationsEndpoints }).flatMap(
    ([operation, { method, path }]) =>
      [path].flat().map((each) => ({ operation, method, path: each, file: files.get(operation) ?? 'unknown' })),
  )
}
