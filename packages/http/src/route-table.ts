import type { Method } from './endpoint.ts'

/** A route that a request's path leads to, with what its parameters took, still percent-encoded. */
export interface RouteMatch<Route> {
  readonly route: Route
  readonly values: readonly string[]
}

/** Where a path leads: to a route, to other methods only, or nowhere. */
export type Lookup<Route> =
  { readonly found: RouteMatch<Route> } | { readonly found: undefined; readonly allowed: readonly Method[] }

interface Node<Route> {
  readonly literals: Map<string, Node<Route>>
  readonly routes: Map<Method, Route>
  parameter: Node<Route> | undefined
}

function createNode<Route>(): Node<Route> {
  return { literals: new Map(), routes: new Map(), parameter: undefined }
}

/** The names of a path's parameters, in order. */
export function parameterNames(path: string): string[] {
  return path
    .split('/')
    .filter((segment) => segment.startsWith(':'))
    .map((segment) => segment.slice(1))
}

/**
 * Routes by path and method, as a tree of path segments: a look-up costs the path's depth, not the number of routes.
 * At each segment a literal is tried before a parameter.
 */
export class RouteTable<Route> {
  readonly #root = createNode<Route>()

  /** Adds a route. Throws when the path, up to its parameters' names, has a route of that method already. */
  add(method: Method, path: string, route: Route): void {
    if (!path.startsWith('/')) throw new Error(`a path must start with a slash: ${path}`)
    let node = this.#root
    for (const segment of path.slice(1).split('/')) node = childFor(node, segment)
    if (node.routes.has(method)) throw new Error(`${method} ${path} is served twice`)
    node.routes.set(method, route)
  }

  /** Finds the route of a path without its query. */
  find(method: Method | undefined, path: string): Lookup<Route> {
    const segments = path.slice(1).split('/')
    const values: string[] = []
    const allowed = new Set<Method>()
    const route = search(this.#root, segments, 0, { method, values, allowed })
    return route === undefined ? { found: undefined, allowed: [...allowed] } : { found: { route, values } }
  }
}

function childFor<Route>(node: Node<Route>, segment: string): Node<Route> {
  if (segment.startsWith(':')) return (node.parameter ??= createNode())
  const known = node.literals.get(segment)
  if (known !== undefined) return known
  const created = createNode<Route>()
  node.literals.set(segment, created)
  return created
}

interface Search {
  readonly method: Method | undefined
  /** What the parameters on the way to the current node took. */
  readonly values: string[]
  /** The methods of all nodes that the path leads to, gathered on the way to a miss. */
  readonly allowed: Set<Method>
}

function search<Route>(node: Node<Route>, segments: string[], depth: number, state: Search): Route | undefined {
  if (depth === segments.length) {
    const route = state.method === undefined ? undefined : node.routes.get(state.method)
    if (route === undefined) for (const method of node.routes.keys()) state.allowed.add(method)
    return route
  }
  const segment = segments[depth]!
  const literal = node.literals.get(segment)
  if (literal !== undefined) {
    const route = search(literal, segments, depth + 1, state)
    if (route !== undefined) return route
  }
  if (node.parameter === undefined || segment === '') return undefined
  state.values.push(segment)
  const route = search(node.parameter, segments, depth + 1, state)
  if (route === undefined) state.values.pop()
  return route
}
