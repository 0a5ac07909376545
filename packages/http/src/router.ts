import { MatrixError } from '@hearth/protocol'
import { Answer } from './answer.ts'
import type { Authenticator } from './authentication.ts'
import { BodyBudget } from './body-budget.ts'
import type { Endpoint, Method, Requesters } from './endpoint.ts'
import { errorAnswer } from './error-answer.ts'
import type { HttpLimits } from './limits.ts'
import { MountedEndpoint } from './mounted-endpoint.ts'
import type { RateLimiters } from './rate-limits.ts'
import { parameterNames, RouteTable } from './route-table.ts'
import type { Transport } from './transport.ts'
import { Validator } from './validator.ts'

/** An endpoint at one of its paths. */
export interface Route {
  readonly endpoint: MountedEndpoint
  readonly parameterNames: readonly string[]
  readonly crossOrigin: boolean
}

/** Where a request goes. */
export type Destination =
  | { readonly kind: 'endpoint'; readonly route: Route; readonly values: readonly string[] }
  | { readonly kind: 'preflight' }
  | { readonly kind: 'refused'; readonly answer: Answer<unknown>; readonly crossOrigin: boolean }

export interface RouterDeps {
  readonly rateLimiters: RateLimiters
  readonly limits: HttpLimits
  readonly checkResponses: boolean
}

/** All endpoints that are served, by method and path. */
export class Router {
  readonly #table = new RouteTable<Route>()
  readonly #validator = new Validator()
  readonly #bodyBudget: BodyBudget
  readonly #deps: RouterDeps

  constructor(deps: RouterDeps) {
    this.#deps = deps
    const { maxBodiesBytes: total, maxBodiesBytesPerAddress: perAddress } = deps.limits
    this.#bodyBudget = new BodyBudget({ total, perAddress })
  }

  /** Adds a transport's endpoints. Throws for a path that is taken and for an unknown rate limit. */
  mount<Context, Known extends Requesters>(transport: Transport<Context, Known>): void {
    const authenticators = new Map(Object.entries<Authenticator<unknown>>(transport.authenticators))
    for (const [operation, endpoint] of Object.entries(transport.endpoints)) {
      const authenticate = authenticators.get(endpoint.auth)
      if (endpoint.auth !== 'none' && authenticate === undefined) {
        throw new Error(`${operation}: nothing authenticates '${endpoint.auth}'`)
      }
      if (endpoint.rateLimit !== undefined && !this.#deps.rateLimiters.has(endpoint.rateLimit)) {
        throw new Error(`${operation}: there is no rate limit '${endpoint.rateLimit}'`)
      }
      const mounted = new MountedEndpoint({
        ...this.#deps,
        bodyBudget: this.#bodyBudget,
        operation,
        endpoint: endpoint,
        context: transport.context,
        authenticate,
        validator: this.#validator,
      })
      for (const path of pathsOf(endpoint, transport.aliases ?? {})) {
        const route = {
          endpoint: mounted,
          parameterNames: parameterNames(path),
          crossOrigin: transport.crossOrigin ?? true,
        }
        this.#table.add(endpoint.method, path, route)
      }
    }
  }

  /** Finds out where a request goes. */
  find(method: string, path: string): Destination {
    const lookup = this.#table.find(toMethod(method), path)
    if (lookup.found !== undefined) return { kind: 'endpoint', ...lookup.found }
    const [other] = lookup.allowed
    const crossOrigin = this.#table.find(other, path).found?.route.crossOrigin ?? true
    if (method === 'OPTIONS' && crossOrigin) return { kind: 'preflight' }
    return { kind: 'refused', answer: other === undefined ? nothingHere() : otherMethods(lookup.allowed), crossOrigin }
  }
}

function nothingHere(): Answer<unknown> {
  return errorAnswer(new MatrixError('M_UNRECOGNIZED', 'There is nothing at this path'))
}

function otherMethods(allowed: readonly Method[]): Answer<unknown> {
  const { status, body } = errorAnswer(new MatrixError('M_UNRECOGNIZED', 'Not with this method', { status: 405 }))
  return new Answer({ status, body, headers: { Allow: [...allowed, 'OPTIONS'].join(', ') } })
}

function toMethod(method: string): Method | undefined {
  switch (method) {
    case 'GET':
    case 'POST':
    case 'PUT':
    case 'DELETE':
      return method
    case 'HEAD':
      return 'GET'
    default:
      return undefined
  }
}

function pathsOf(endpoint: Endpoint<never>, aliases: Readonly<Record<string, readonly string[]>>): string[] {
  const paths = new Set(typeof endpoint.path === 'string' ? [endpoint.path] : endpoint.path)
  for (const path of [...paths]) {
    for (const [prefix, others] of Object.entries(aliases)) {
      if (path.startsWith(prefix)) for (const other of others) paths.add(other + path.slice(prefix.length))
    }
  }
  return [...paths]
}
