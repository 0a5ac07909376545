import type { IncomingMessage } from 'node:http'
import { canonicalJson, type SigningKey } from '@hearth/crypto'
import type { JsonValue, ServerName } from '@hearth/protocol'
import type { Clock, Logger, Metrics } from '@hearth/runtime'
import type { DestinationHealth } from '../destination-health.ts'
import type { Discovery } from '../discovery/discovery.ts'
import type { Route } from '../discovery/route.ts'
import { RemoteError } from '../remote-error.ts'
import type { RequestOptions } from '../request-options.ts'
import { InvalidAnswer, NotTried, ServerUnreachable } from '../server-unreachable.ts'
import { AbortListeners } from './abort-listeners.ts'
import { answerBody } from './answer-body.ts'
import { AnswerChecks } from './answer-checks.ts'
import type { ConnectionPool } from './connection-pool.ts'
import { DeadlineExceeded } from './deadline-exceeded.ts'
import { exchange, NotConnected, StaleConnection, type HttpRequest } from './exchange.ts'
import { Phases } from './phases.ts'
import { ConsumerFailed, readLists, readWhole } from './read-answer.ts'
import { remoteErrorOf } from './remote-error-of.ts'
import type { RemoteRequest, RequestLimits, SentRequest, StreamedAnswer } from './remote-request.ts'
import { RequestQueue } from './request-queue.ts'
import { authorization } from './x-matrix.ts'

const KiB = 1024

const defaultLimits: RequestLimits = {
  connectMs: 10_000,
  firstByteMs: 30_000,
  idleMs: 20_000,
  totalMs: 60_000,
  maxBytes: 1024 * KiB,
}
const MAX_REFUSAL_BYTES = 64 * KiB

export interface RequestsDeps {
  readonly serverName: ServerName
  /** Requests to this very server are made as well; they are a mistake when absent. */
  readonly asksItself?: boolean | undefined
  readonly signingKey: () => SigningKey
  readonly discovery: Discovery
  readonly connections: ConnectionPool
  readonly mayTalkTo: (destination: ServerName) => boolean
  readonly health: DestinationHealth | undefined
  readonly clock: Clock
  readonly logger: Logger
  readonly metrics: Metrics
}

/** Sends requests to other servers and reads what they answer, within limits of time and size. */
export class Requests {
  readonly #deps: RequestsDeps
  readonly #queue: RequestQueue
  readonly #checks = new AnswerChecks()
  readonly #abortListeners = new AbortListeners()
  readonly #outcomes

  constructor(deps: RequestsDeps) {
    this.#deps = deps
    this.#queue = new RequestQueue(deps.metrics)
    this.#outcomes = deps.metrics.counter({
      name: 'hearth_federation_requests_total',
      help: 'Requests to other servers',
      labelNames: ['operation', 'outcome'],
    })
  }

  /**
   * Asks another server.
   * @throws RemoteError when it refuses; ServerUnreachable when there is no usable answer; the signal's reason
   */
  async send<Answer>(request: RemoteRequest<Answer>, options: RequestOptions = {}): Promise<Answer> {
    const { destination, operation } = request
    options.signal?.throwIfAborted()
    const { health, logger } = this.#deps
    try {
      this.#mustBeTried(destination, options)
      const answer = await this.#sendInTime(request, options)
      health?.succeeded(destination)
      this.#outcomes.inc({ operation, outcome: 'answered' })
      return answer
    } catch (error) {
      if (options.signal?.aborted === true && error === options.signal.reason) throw error
      if (error instanceof ConsumerFailed) throw error.cause
      const failure = error instanceof RemoteError ? error : new ServerUnreachable(destination, error)
      this.#outcomes.inc({ operation, outcome: failure instanceof RemoteError ? 'refused' : 'unreachable' })
      if (failure instanceof RemoteError && failure.status < 500) health?.succeeded(destination)
      else if (!(error instanceof NotTried)) health?.failed(destination, failure)
      logger.debug('another server gave no good answer', { destination, operation, error: failure })
      throw failure
    }
  }

  /**
   * Asks another server for a body that is read as it arrives, below the status 400. It takes no turn among other requests
   * to that server, which may take as long as a large file does: how many there are at a time is the caller's to bound.
   * @throws RemoteError when it refuses; ServerUnreachable when there is no usable answer; the signal's reason
   */
  async stream(request: SentRequest, options: RequestOptions = {}): Promise<StreamedAnswer> {
    const { destination, operation } = request
    options.signal?.throwIfAborted()
    const limits = { ...defaultLimits, ...request.limits }
    const phases = this.#phases(limits, options)
    try {
      this.#mustBeTried(destination, options)
      const response = await this.#exchange(request, limits, phases)
      if (response.statusCode! >= 400) await this.#readRefusalOf(request, response, limits, phases)
      this.#deps.health?.succeeded(destination)
      this.#outcomes.inc({ operation, outcome: 'answered' })
      return this.#streamed(destination, response, limits, phases)
    } catch (error) {
      phases[Symbol.dispose]()
      if (options.signal?.aborted === true && error === options.signal.reason) throw error
      const failure = error instanceof RemoteError ? error : new ServerUnreachable(destination, error)
      this.#outcomes.inc({ operation, outcome: failure instanceof RemoteError ? 'refused' : 'unreachable' })
      this.#deps.logger.debug('another server gave no good answer', { destination, operation, error: failure })
      throw failure
    }
  }

  #streamed(destination: ServerName, response: IncomingMessage, limits: RequestLimits, phases: Phases): StreamedAnswer {
    const { idleMs, maxBytes } = limits
    const body = answerBody(response, { phases, idleMs, maxBytes, clock: this.#deps.clock })
    return {
      status: response.statusCode!,
      headers: response.headers,
      body: (async function* () {
        try {
          yield* body
        } catch (error) {
          throw phases.signal.aborted && !(error instanceof DeadlineExceeded)
            ? error
            : new ServerUnreachable(destination, error)
        }
      })(),
      [Symbol.dispose]() {
        phases[Symbol.dispose]()
        if (!response.complete) response.destroy()
      },
    }
  }

  #mustBeTried(destination: ServerName, { ignoreBackOff = false }: RequestOptions): void {
    const { serverName, asksItself = false, mayTalkTo, health } = this.#deps
    if (destination === serverName && !asksItself) throw new NotTried('it is this server itself')
    if (!mayTalkTo(destination)) throw new NotTried('federation with it is not allowed')
    if (!ignoreBackOff && health?.mayTry(destination) === false) throw new NotTried('it failed a short time ago')
  }

  async #sendInTime<Answer>(request: RemoteRequest<Answer>, options: RequestOptions): Promise<Answer> {
    const limits = { ...defaultLimits, ...request.limits }
    using phases = this.#phases(limits, options)
    return await this.#queue.run(request.destination, phases.signal, async () => {
      const response = await this.#exchange(request, limits, phases)
      return this.#read(request, response, limits, phases)
    })
  }

  #phases(limits: RequestLimits, options: RequestOptions): Phases {
    const totalMs = options.deadlineMs ?? limits.totalMs
    const caller = options.signal && { signal: options.signal, listeners: this.#abortListeners }
    return new Phases({ clock: this.#deps.clock, totalMs, ...(caller && { caller }) })
  }

  async #exchange(request: SentRequest, limits: RequestLimits, phases: Phases): Promise<IncomingMessage> {
    const routes = await this.#deps.discovery.routesTo(request.destination, phases.signal)
    const http = this.#httpRequest(request)
    let error: unknown
    for (const route of routes) {
      try {
        return await this.#exchangeOver(route, http, limits, phases)
      } catch (failure) {
        if (!(failure instanceof NotConnected)) throw failure
        error = failure.cause
      }
    }
    this.#deps.discovery.doubt(request.destination)
    throw error
  }

  async #exchangeOver(
    route: Route,
    http: HttpRequest,
    limits: RequestLimits,
    phases: Phases,
  ): Promise<IncomingMessage> {
    const agent = this.#deps.connections.agentFor(route, limits.connectMs)
    for (;;) {
      try {
        return await exchange(route, http, { agent, phases, limits })
      } catch (error) {
        // All operations may be repeated: what the server did before it closed the connection is not done twice. Each
        // attempt uses up one connection that was kept, so that it ends.
        if (!(error instanceof StaleConnection)) throw error
      }
    }
  }

  #httpRequest({ destination, method, target, body, signed = true, accept }: SentRequest): HttpRequest {
    const content = typeof body === 'object' ? canonicalJson(body, { numbers: 'legacy' }) : body
    const origin = this.#deps.serverName
    const key = signed ? this.#deps.signingKey() : undefined
    return {
      method,
      target,
      body: content,
      headers: {
        accept: accept ?? 'application/json',
        'user-agent': 'Hearth',
        ...(content !== undefined && {
          'content-type': 'application/json',
          'content-length': Buffer.byteLength(content),
        }),
        ...(key && { authorization: authorization({ origin, destination, method, target, content }, key) }),
      },
    }
  }

  async #read<Answer>(
    request: RemoteRequest<Answer>,
    response: IncomingMessage,
    limits: RequestLimits,
    phases: Phases,
  ): Promise<Answer> {
    const { clock } = this.#deps
    const status = response.statusCode!
    const reading = { phases, idleMs: limits.idleMs, clock }
    if (status === 200) {
      if (!isJson(response)) {
        response.destroy()
        throw new InvalidAnswer('it is not JSON')
      }
      const body = answerBody(response, { ...reading, maxBytes: limits.maxBytes })
      const value = await (request.lists === undefined ? readWhole(body) : readLists(body, request.lists))
      return this.#checks.check(value, request.answer)
    }
    if (status < 400) {
      response.destroy()
      throw new InvalidAnswer(`its status is ${status}`)
    }
    return await this.#readRefusalOf(request, response, limits, phases)
  }

  /** Reads an answer with a status from 400 on. @throws RemoteError, or InvalidAnswer when a proxy has spoken */
  async #readRefusalOf(
    { destination }: SentRequest,
    response: IncomingMessage,
    { idleMs }: RequestLimits,
    phases: Phases,
  ): Promise<never> {
    const status = response.statusCode!
    const reading = { phases, idleMs, clock: this.#deps.clock, maxBytes: MAX_REFUSAL_BYTES }
    const body = await this.#readRefusal(isJson(response), answerBody(response, reading))
    const error = remoteErrorOf(destination, { status, headers: response.headers, body })
    throw error ?? new InvalidAnswer(`its status is ${status}`)
  }

  /** The body of a refusal. What is not JSON is read as well, so that the connection can be used again. */
  async #readRefusal(isJson: boolean, body: AsyncIterable<Buffer>): Promise<JsonValue | undefined> {
    try {
      const value = readWhole(body)
      return isJson ? await value : await value.then(() => undefined)
    } catch (error) {
      if (error instanceof InvalidAnswer) return undefined
      throw error
    }
  }
}

function isJson({ headers }: IncomingMessage): boolean {
  return /^application\/json[ \t]*(?:;|$)/i.test(headers['content-type'] ?? '')
}
