import type { IncomingMessage, ServerResponse } from 'node:http'
import type { MatrixError } from '@hearth/protocol'
import type { AuthenticationRequest } from './authentication.ts'
import { accessToken } from './credentials.ts'
import { parseQuery, type QueryParameters } from './query.ts'
import type { RequestBody } from './request-body.ts'

/** Why a request's signal was aborted. */
export class RequestAborted extends Error {
  override readonly name = 'AbortError'
  readonly why: 'client-gone' | 'deadline' | 'refused' | 'stopping'

  constructor(why: 'client-gone' | 'deadline' | 'refused' | 'stopping') {
    super(`the request was aborted: ${why}`)
    this.why = why
  }
}

/**
 * Where an exchange stands: the server works on it, reads its body, or has its answer on the way. Each has a deadline of
 * its own.
 */
export type Phase = 'handling' | 'reading' | 'writing'

/** A request and its answer, from its headers to the last byte. */
export class Exchange implements AuthenticationRequest {
  readonly request: IncomingMessage
  readonly response: ServerResponse
  readonly requestId: string
  readonly ip: string
  /** Monotonic, in milliseconds. */
  readonly startedAt: number
  /** The path of the request target, without its query, as it was sent. */
  readonly path: string
  readonly #query: string
  /** The operation's name for logs and metrics. */
  operation = 'unrecognized'
  /** Who asks, for logs. */
  subject: string | undefined
  phase: Phase = 'handling'
  /** Monotonic, in milliseconds, for the current phase. */
  deadlineAt = Infinity
  longPoll = false
  /** Reads the body as the endpoint wants it; not there for an endpoint that takes none. */
  readBody: (() => Promise<RequestBody>) | undefined
  crossOrigin = true
  /** The status and length of the answer, once there is one. */
  status = 0
  bytes = 0
  #abortController: AbortController | undefined
  #abortReason: RequestAborted | undefined
  #refusal: MatrixError | undefined
  #queryParameters: QueryParameters | undefined
  #body: Promise<RequestBody> | undefined

  constructor(
    request: IncomingMessage,
    response: ServerResponse,
    facts: { requestId: string; ip: string; startedAt: number },
  ) {
    this.request = request
    this.response = response
    this.requestId = facts.requestId
    this.ip = facts.ip
    this.startedAt = facts.startedAt
    const { path, query } = splitTarget(request.url!)
    this.path = path
    this.#query = query
  }

  get method(): string {
    return this.request.method!
  }

  get target(): string {
    return this.request.url!
  }

  get rawHeaders(): readonly string[] {
    return this.request.rawHeaders
  }

  get userAgent(): string | undefined {
    return this.request.headers['user-agent']
  }

  get queryParameters(): QueryParameters {
    return (this.#queryParameters ??= parseQuery(this.#query))
  }

  accessToken(): string | undefined {
    return accessToken(this.request.rawHeaders, () => this.queryParameters)
  }

  async body(): Promise<RequestBody | undefined> {
    return (this.#body ??= this.readBody?.())
  }

  /** Made when it is asked for: most handlers never do. */
  get signal(): AbortSignal {
    if (this.#abortController === undefined) {
      this.#abortController = new AbortController()
      if (this.#abortReason !== undefined) this.#abortController.abort(this.#abortReason)
    }
    return this.#abortController.signal
  }

  /** Why its signal was aborted, if it was. */
  get aborted(): RequestAborted | undefined {
    return this.#abortReason
  }

  abort(reason: RequestAborted): void {
    if (this.#abortReason !== undefined) return
    this.#abortReason = reason
    this.#abortController?.abort(reason)
  }

  /** What is answered in place of all else, if whoever asks has lost the right to an answer meanwhile. */
  get refusal(): MatrixError | undefined {
    return this.#refusal
  }

  refuse(refusal: MatrixError): void {
    this.#refusal ??= refusal
    this.abort(new RequestAborted('refused'))
  }

  /** Whether the request has a body of which some is still to come. */
  get hasUnreadBody(): boolean {
    const { headers, complete } = this.request
    return !complete && (headers['transfer-encoding'] !== undefined || Number(headers['content-length'] ?? 0) > 0)
  }
}

/** Splits a request target; of the absolute form that proxies use, the origin is left out. */
function splitTarget(target: string): { path: string; query: string } {
  let start = 0
  if (target[0] !== '/') {
    const scheme = /^https?:\/\/[^/?]*/i.exec(target)
    if (scheme !== null) start = scheme[0].length
  }
  const mark = target.indexOf('?', start)
  if (mark === -1) return { path: start === 0 ? target : target.slice(start), query: '' }
  return { path: target.slice(start, mark), query: target.slice(mark + 1) }
}
