import { Answer, RawAnswer } from './answer.ts'
import type { Authenticated, Authenticator } from './authentication.ts'
import type { Endpoint, EndpointRequest } from './endpoint.ts'
import type { BodyBudget, BodyShare } from './body-budget.ts'
import { BodyStream, byteStream } from './body-stream.ts'
import { addressGroup } from './client-address.ts'
import type { Exchange } from './exchange.ts'
import type { HttpLimits } from './limits.ts'
import { decodePercent } from './percent-decoding.ts'
import { QueryReader } from './query.ts'
import type { RateLimiters } from './rate-limits.ts'
import { checkJsonHeaders, readBody } from './read-body.ts'
import { jsonBytes, RequestBody } from './request-body.ts'
import type { Check, Validator } from './validator.ts'

/** The names of a path's parameters and what they took of it. */
interface Path {
  readonly names: readonly string[]
  readonly values: readonly string[]
}

const NOBODY: Authenticated<undefined> = { requester: undefined }

/** What a handler is given, with a signal that is made only when it is asked for. */
class HandlerRequest implements EndpointRequest<unknown, unknown, unknown, unknown> {
  readonly params: unknown
  readonly query: unknown
  readonly body: unknown
  readonly requester: unknown
  readonly requestId: string
  readonly ip: string
  readonly userAgent: string | undefined
  readonly #exchange: Exchange

  constructor(exchange: Exchange, inputs: { params: unknown; query: unknown; body: unknown; requester: unknown }) {
    this.params = inputs.params
    this.query = inputs.query
    this.body = inputs.body
    this.requester = inputs.requester
    this.requestId = exchange.requestId
    this.ip = exchange.ip
    this.userAgent = exchange.userAgent
    this.#exchange = exchange
  }

  get method(): string {
    return this.#exchange.method
  }

  get signal(): AbortSignal {
    return this.#exchange.signal
  }

  header(name: string): string | undefined {
    const value = this.#exchange.request.headers[name]
    return typeof value === 'object' ? value.join(', ') : value
  }
}

/** An endpoint made ready to be called: its schemas compiled, its authenticator and limits found. */
export class MountedEndpoint {
  readonly operation: string
  readonly longPoll: boolean
  readonly #endpoint: Endpoint<unknown>
  readonly #context: unknown
  readonly #authenticate: Authenticator<unknown> | undefined
  readonly #rateLimiters: RateLimiters
  readonly #limits: HttpLimits
  readonly #bodyBudget: BodyBudget
  readonly #maxBodyBytes: number
  readonly #deadlineMs: number
  readonly #checkParams: Check | undefined
  readonly #queryReader: QueryReader | undefined
  readonly #checkQuery: Check | undefined
  readonly #bodyLimits: { allowEmpty: boolean; maxDepth: number; nul: 'allow' | 'refuse' }
  /** `undefined` for a body whose bytes are handed on. */
  readonly #checkBody: Check | undefined
  readonly #checkResponse: Check | undefined

  constructor(deps: {
    operation: string
    endpoint: Endpoint<unknown>
    context: unknown
    authenticate: Authenticator<unknown> | undefined
    rateLimiters: RateLimiters
    limits: HttpLimits
    bodyBudget: BodyBudget
    validator: Validator
    checkResponses: boolean
  }) {
    const { operation, endpoint, validator, limits } = deps
    this.operation = operation
    this.longPoll = endpoint.longPoll ?? false
    this.#endpoint = endpoint
    this.#context = deps.context
    this.#authenticate = deps.authenticate
    this.#rateLimiters = deps.rateLimiters
    this.#limits = limits
    this.#bodyBudget = deps.bodyBudget
    this.#maxBodyBytes = endpoint.maxBodyBytes ?? limits.maxBodyBytes
    this.#deadlineMs = endpoint.deadlineMs ?? limits.handlerTimeoutMs
    this.#checkParams = endpoint.params && validator.compile(endpoint.params, 'path')
    this.#queryReader = endpoint.query && new QueryReader(endpoint.query)
    this.#checkQuery = endpoint.query && validator.compile(endpoint.query, 'query')
    this.#bodyLimits = {
      allowEmpty: endpoint.allowEmptyBody ?? false,
      maxDepth: endpoint.maxBodyDepth ?? limits.maxJsonDepth,
      nul: endpoint.allowNul === true ? 'allow' : 'refuse',
    }
    if (endpoint.body !== undefined && endpoint.body !== jsonBytes && endpoint.body !== byteStream) {
      this.#checkBody = validator.compile(endpoint.body, 'body')
    }
    this.#checkResponse = deps.checkResponses ? validator.compile(endpoint.response, 'response') : undefined
  }

  /** Runs a request through: who asks, how often, for what, and the handler. `now` is monotonic, in milliseconds. */
  async serve(exchange: Exchange, path: Path, now: () => number): Promise<Answer<unknown> | RawAnswer> {
    exchange.deadlineAt = exchange.startedAt + this.#deadlineMs
    if (this.#endpoint.body === undefined) return this.#authenticateAndHandle(exchange, path)
    if (this.#endpoint.body === byteStream) {
      const stream = new BodyStream(exchange, { limits: this.#limits, handlerMs: this.#deadlineMs, now })
      return this.#authenticateAndHandle(exchange, path, stream)
    }
    const share = this.#bodyBudget.share(addressGroup(exchange.ip))
    exchange.readBody = () => this.#receiveBody(exchange, share, now)
    try {
      return await this.#authenticateAndHandle(exchange, path)
    } finally {
      share.release()
    }
  }

  async #authenticateAndHandle(
    exchange: Exchange,
    path: Path,
    stream?: BodyStream,
  ): Promise<Answer<unknown> | RawAnswer> {
    const authenticated = this.#authenticate === undefined ? NOBODY : await this.#authenticate(exchange)
    exchange.subject = authenticated.subject
    try {
      return await this.#handle(exchange, path, authenticated, stream)
    } finally {
      authenticated.onEnd?.()
    }
  }

  async #handle(
    exchange: Exchange,
    path: Path,
    { requester, subject, rateLimited, watch }: Authenticated<unknown>,
    stream: BodyStream | undefined,
  ): Promise<Answer<unknown> | RawAnswer> {
    const { rateLimit } = this.#endpoint
    if (rateLimit !== undefined && rateLimited !== false) {
      await this.#rateLimiters.countRequest(rateLimit, { subject, ip: exchange.ip })
    }
    const params = this.#readParams(path)
    const query = this.#readQuery(exchange)
    const body = stream ?? (await this.#readBody(exchange))
    const request = new HandlerRequest(exchange, { params, query, body, requester })
    const endWatch = this.longPoll ? watch?.((refusal) => exchange.refuse(refusal)) : undefined
    try {
      return this.#toAnswer(await this.#endpoint.handle(this.#context, request))
    } finally {
      endWatch?.()
    }
  }

  #readParams({ names, values }: Path): unknown {
    if (this.#checkParams === undefined) return undefined
    const params: Record<string, string> = {}
    for (let i = 0; i < names.length; i++) params[names[i]!] = decodePercent(values[i]!, names[i]!)
    this.#checkParams(params)
    return params
  }

  #readQuery(exchange: Exchange): unknown {
    if (this.#queryReader === undefined) return undefined
    const query = this.#queryReader.read(exchange.queryParameters)
    this.#checkQuery!(query)
    return query
  }

  async #readBody(exchange: Exchange): Promise<unknown> {
    const body = await exchange.body()
    if (body === undefined || this.#checkBody === undefined) return body?.bytes
    const json = body.json()
    this.#checkBody(json)
    return json
  }

  async #receiveBody(exchange: Exchange, share: BodyShare, now: () => number): Promise<RequestBody> {
    checkJsonHeaders(exchange.request)
    exchange.phase = 'reading'
    exchange.deadlineAt = now() + this.#limits.bodyTimeoutMs
    const bytes = await readBody(exchange.request, exchange.response, { maxBytes: this.#maxBodyBytes, share })
    exchange.phase = 'handling'
    exchange.deadlineAt = now() + this.#deadlineMs
    return new RequestBody(bytes, this.#bodyLimits)
  }

  #toAnswer(result: unknown): Answer<unknown> | RawAnswer {
    const answer = result instanceof Answer || result instanceof RawAnswer ? result : new Answer({ body: result })
    if (this.#checkResponse !== undefined && answer.status === 200) this.#checkAnswer(answer, this.#checkResponse)
    return answer
  }

  #checkAnswer(answer: Answer<unknown> | RawAnswer, check: Check): void {
    let body: unknown
    if (answer instanceof Answer) body = JSON.parse(JSON.stringify(answer.body)) as unknown
    else if (answer.contentType !== 'application/json' || typeof answer.payload !== 'string') return
    else body = JSON.parse(answer.payload) as unknown
    try {
      check(body)
    } catch (error) {
      // A client must not be told that it did something wrong.
      throw new Error(`${this.operation} answered what its schema does not allow`, { cause: error })
    }
  }
}
