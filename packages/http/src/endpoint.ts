import type { Schema } from '@hearth/protocol'
import type { Answer, RawAnswer } from './answer.ts'

export type Method = 'GET' | 'POST' | 'PUT' | 'DELETE'

/**
 * The ways to authenticate that a transport knows, each with what its handlers then learn of who asks. The key is an
 * endpoint's `auth`; `none` is always there and tells nothing.
 */
export interface Requesters {
  readonly none: undefined
}

/** What an endpoint may know of the request besides its parameters. */
export interface RequestFacts {
  /** Also in the answer's `X-Request-Id` header and in every log line about the request. */
  readonly requestId: string
  /** The client's address, taken from `X-Forwarded-For` as far as the proxies named there are trusted. */
  readonly ip: string
  readonly userAgent: string | undefined
}

/** What a handler is given. */
export interface EndpointRequest<Params, Query, Body, Requester> extends RequestFacts {
  /** As it was sent: an endpoint of GET gets HEAD as well. */
  readonly method: string
  readonly params: Params
  readonly query: Query
  readonly body: Body
  readonly requester: Requester
  /**
   * Aborted when the client has gone away, when the request has reached its deadline, and when the server stops and does
   * not wait any longer, which for endpoints that are `longPoll` is at once. Its reason says which.
   */
  readonly signal: AbortSignal
  /** A header, by its name in lower case; several of the same name are joined by commas. */
  header(name: string): string | undefined
}

/** What a handler returns: the body of a 200, or an answer with its own status, headers or bytes. */
export type HandlerResult<Response> = Response | Answer<Response> | RawAnswer

/** What an endpoint declares, whoever handles it. */
export interface EndpointShape<Auth extends string = string, Limit extends string = string> {
  readonly method: Method
  /**
   * Where it is served: segments are literals or `:name`, which takes one whole, non-empty segment, so that `%2F` stays
   * inside the parameter. A literal goes before a parameter. A trailing slash is significant.
   */
  readonly path: string | readonly string[]
  /** Who may call it: required, so that forgetting it does not compile. */
  readonly auth: Auth
  /** The class of rate limit that a call counts against, before its body is parsed. */
  readonly rateLimit?: Limit
  /** Lets an absent body pass for `{}`. */
  readonly allowEmptyBody?: boolean
  /** The largest body in bytes; the server's limit when absent. */
  readonly maxBodyBytes?: number
  /** How deep its JSON may be nested; the server's limit when absent. */
  readonly maxBodyDepth?: number
  /** Lets strings of the body hold U+0000, which cannot be stored as text but can in JSON. */
  readonly allowNul?: boolean
  /** How long the handler may take, in milliseconds, before the request is answered with 504; else the server's limit. */
  readonly deadlineMs?: number
  /** Says that the handler waits for news: when the server stops, its signal is aborted and it answers what it has. */
  readonly longPoll?: boolean
}

/**
 * An endpoint as a value: where it is, who may call it, what it takes and gives, and what it does. Without a schema for
 * `params`, `query` or `body` the handler gets none; a body that is not declared is not read.
 */
export interface EndpointDefinition<
  Context,
  Params,
  Query,
  Body,
  Response,
  Requester,
  Auth extends string,
  Limit extends string,
> extends EndpointShape<Auth, Limit> {
  readonly params?: Schema<Params>
  readonly query?: Schema<Query>
  readonly body?: Schema<Body>
  /** The body of a 200. Checked where the server is told to, which tests do. */
  readonly response: Schema<Response>
  handle(
    context: Context,
    request: EndpointRequest<Params, Query, Body, Requester>,
  ): HandlerResult<Response> | Promise<HandlerResult<Response>>
}

/** Any endpoint of a transport, its types forgotten: what routers, scripts and tests list. */
export interface Endpoint<Context> extends EndpointShape {
  readonly params?: Schema<unknown>
  readonly query?: Schema<unknown>
  readonly body?: Schema<unknown>
  readonly response: Schema<unknown>
  // A method, not a property, so that a definition with narrower types is one of these.
  handle(context: Context, request: EndpointRequest<unknown, unknown, unknown, unknown>): unknown
}

/** The endpoints of a transport by the operation's name, which logs and metrics use. */
export type Endpoints<Context> = Readonly<Record<string, Endpoint<Context>>>

/**
 * The `endpoint()` function of a transport, which infers a definition's types and changes nothing:
 *
 *     export const endpoint = endpointFor<ClientApiContext, ClientRequesters, ClientRateLimit>()
 */
export function endpointFor<Context, Known extends Requesters, Limit extends string = string>() {
  return function endpoint<
    Auth extends keyof Known & string,
    Response,
    Params = undefined,
    Query = undefined,
    Body = undefined,
  >(
    definition: EndpointDefinition<Context, Params, Query, Body, Response, Known[Auth], Auth, Limit>,
  ): EndpointDefinition<Context, Params, Query, Body, Response, Known[Auth], Auth, Limit> {
    return definition
  }
}
