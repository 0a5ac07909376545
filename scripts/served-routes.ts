import { globSync, readFileSync } from 'node:fs'
import { endpoints } from '../packages/client-api/src/endpoints.ts'
import { administrationEndpoints as federationAdministrationEndpoints } from '../packages/federation/src/administration/endpoints.ts'
import { endpoints as federationEndpoints } from '../packages/federation/src/endpoints.ts'
import { operationsEndpoints } from '../packages/http/src/operations/operations.ts'
import type { Endpoints } from '../packages/http/src/endpoint.ts'
import { administrationEndpoints } from '../packages/media/src/administration/endpoints.ts'
import { endpoints as mediaEndpoints } from '../packages/media/src/client/endpoints.ts'
import { federationEndpoints as mediaFederationEndpoints } from '../packages/media/src/federation/endpoints.ts'
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
  return globSync(['packages/{client-api,federation,media}/src/*/*.ts', 'packages/http/src/operations/*.ts'])
    .sort()
    .flatMap((file) => {
      const source = readFileSync(file, 'utf8')
      const definitions = [...source.matchAll(/^export const (\w+) = (?:administrationE|federationE|e)ndpoint\(/gm)]
      if (definitions.length === 0) return []
      const comment = source.slice(0, definitions[0]!.index).split('/**').at(-1)!
      return [{ file, operations: definitions.map(([, operation]) => operation!), comment }]
    })
}

/** Lists every route that the server answers, with the file of its endpoint. */
export function servedRoutes(): ServedRoute[] {
  const files = endpointFiles()
  return listed.flatMap(([folder, of]) =>
    Object.entries(of).flatMap(([operation, { method, path }]) => {
      const isIt = (each: EndpointFile) => each.file.startsWith(folder) && each.operations.includes(operation)
      const file = files.find(isIt)?.file ?? 'unknown'
      return [path].flat().map((each) => ({ operation, method, path: each, file }))
    }),
  )
}

/** All endpoints, by where their files are: clients and servers ask for some things by the same name. */
const listed: readonly (readonly [folder: string, endpoints: Endpoints<never>])[] = [
  ['packages/client-api/', endpoints],
  ['packages/federation/src/administration/', federationAdministrationEndpoints],
  ['packages/federation/', federationEndpoints],
  ['packages/http/', operationsEndpoints],
  ['packages/media/src/administration/', administrationEndpoints],
  ['packages/media/src/client/', mediaEndpoints],
  ['packages/media/src/federation/', mediaFederationEndpoints],
]
