/** `schemas/spec-endpoints.json`: the endpoints of the Matrix specification. */
export interface SpecEndpoints {
  readonly version: string
  readonly apis: Readonly<
    Record<
      string,
      {
        /** By module, the method and path of each operation. */
        readonly modules: Readonly<Record<string, Readonly<Record<string, string>>>>
        readonly deprecated?: readonly string[]
        /** Operations that only the text names: their names are ours. */
        readonly prose?: readonly string[]
      }
    >
  >
}

/** `schemas/further-endpoints.json`: what is served and is not in the specification, by why it is. */
export type FurtherEndpoints = Readonly<Record<string, readonly string[]>>

/** A route that the server answers. */
export interface ServedRoute {
  /** The name of its endpoint, which is the operation's in camel case. */
  readonly operation: string
  readonly method: string
  readonly path: string
  /** The file of its endpoint. */
  readonly file: string
}

/** The APIs that a homeserver serves. The others it calls. */
const servedApis: readonly string[] = ['client-server', 'server-server']

/** One operation of the specification. */
export interface SpecOperation {
  readonly api: string
  readonly module: string
  readonly operation: string
  readonly method: string
  readonly path: string
  readonly deprecated: boolean
  /** Whether the specification gives the operation its name. */
  readonly named: boolean
}

/** Lists the operations of the specification. */
export function specOperations(spec: SpecEndpoints): SpecOperation[] {
  return Object.entries(spec.apis).flatMap(([api, { modules, deprecated = [], prose = [] }]) =>
    Object.entries(modules).flatMap(([module, operations]) =>
      Object.entries(operations).map(([operation, route]) => {
        const [method = '', path = ''] = route.split(' ')
        const named = !prose.includes(operation)
        return { api, module, operation, method, path, deprecated: deprecated.includes(operation), named }
      }),
    ),
  )
}

/**
 * A route without the names of its parameters, by which the specification's and ours are compared: those of one path are
 * named differently, and `r0` is an older name of `v3`.
 */
export function routeKey(method: string, path: string): string {
  const anonymous = path.replaceAll(/\{[^}]*\}|:[^/]+/g, ':').replace('/_matrix/client/r0/', '/_matrix/client/v3/')
  return `${method} ${anonymous.replace('/_matrix/media/r0/', '/_matrix/media/v3/')}`
}

/** The same of a route as the data files write it: `GET /path/{parameter}`. */
export function keyOf(route: string): string {
  const [method = '', path = ''] = route.split(' ')
  return routeKey(method, path)
}

/** Writes docs/spec-coverage.md. */
export function specCoveragePage(
  spec: SpecEndpoints,
  further: FurtherEndpoints,
  served: readonly ServedRoute[],
): string {
  const files = new Map(served.map(({ method, path, file }) => [routeKey(method, path), file]))
  const fileOf = ({ method, path }: SpecOperation) => files.get(routeKey(method, path))
  const operations = specOperations(spec)
  const own = operations.filter(({ api }) => servedApis.includes(api))
  const others = operations.filter(({ api }) => !servedApis.includes(api))

  const totals = servedApis.map((api) => {
    const ofApi = own.filter((operation) => operation.api === api)
    return `| ${api} | ${ofApi.filter(fileOf).length} | ${ofApi.length} |\n`
  })
  const sections = servedApis.map((api) => {
    const modules = [
      ...groupBy(
        own.filter((operation) => operation.api === api),
        ({ module }) => module,
      ),
    ]
    return `\n## ${api}\n${modules.map(([module, each]) => `\n### ${module}\n\n${table(each, fileOf)}`).join('')}`
  })
  const furtherSections = Object.entries(further).map(([reason, routes]) => {
    const rows = routes.map((route) => `| ${route} | ${files.get(keyOf(route)) ?? 'missing'} |\n`)
    return `\n### ${reason}\n\n| route | file |\n| --- | --- |\n${rows.join('')}`
  })
  const otherRows = others.map(({ api, method, path }) => `| ${method} ${path} | ${api} |\n`)
  return `# The specification's endpoints

<!-- Made by scripts/generate-docs.ts from the served endpoints and schemas/spec-endpoints.json: run \`npm run docs\`. -->

Every endpoint of the Matrix specification ${spec.version}, with the file that answers it. An endpoint that is deprecated may
stay missing on purpose.

| API | served | all |
| --- | ---: | ---: |
${totals.join('')}${sections.join('')}
## Served beside the specification
${furtherSections.join('')}
## Served by others

Endpoints of application services, identity servers and push gateways, which a homeserver calls.

| route | API |
| --- | --- |
${otherRows.join('')}`
}

function table(operations: readonly SpecOperation[], fileOf: (operation: SpecOperation) => string | undefined): string {
  const rows = operations.map((each) => {
    const deprecated = each.deprecated ? ' (deprecated)' : ''
    return `| ${each.operation}${deprecated} | ${each.method} ${each.path} | ${fileOf(each) ?? 'missing'} |\n`
  })
  return `| operation | route | file |\n| --- | --- | --- |\n${rows.join('')}`
}

function groupBy<T>(values: readonly T[], keyOf: (value: T) => string): Map<string, T[]> {
  const groups = new Map<string, T[]>()
  for (const value of values) groups.set(keyOf(value), [...(groups.get(keyOf(value)) ?? []), value])
  return groups
}
