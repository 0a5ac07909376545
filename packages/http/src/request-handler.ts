import { randomBytes } from 'node:crypto'
import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Socket } from 'node:net'
import { MatrixError } from '@hearth/protocol'
import { Unavailable, type Clock, type Logger } from '@hearth/runtime'
import type { Answer, RawAnswer } from './answer.ts'
import { clientAddress, type TrustedProxies } from './client-address.ts'
import { connectionRefusal, writeRefusal } from './connection-error.ts'
import { errorAnswer, isExpected } from './error-answer.ts'
import { Exchange, RequestAborted } from './exchange.ts'
import { InFlight } from './in-flight.ts'
import type { HttpLimits } from './limits.ts'
import { IncompleteRequest } from './read-body.ts'
import type { Router, Route } from './router.ts'
import { discardAnswer, writeAnswer, writePreflight } from './write-answer.ts'

export interface RequestHandlerDeps {
  readonly router: Router
  readonly trustedProxies: TrustedProxies
  readonly limits: HttpLimits
  readonly clock: Clock
  readonly logger: Logger
  /** Called with every exchange that has ended. */
  readonly onEnd: (exchange: Exchange, durationMs: number) => void
}

/** Takes each request from its headers to the end of its answer, whatever becomes of it on the way. */
export class RequestHandler {
  readonly #deps: RequestHandlerDeps
  readonly #limits: HttpLimits
  readonly #inFlight: InFlight
  readonly #now: () => number
  readonly #requestIdPrefix = randomBytes(6).toString('base64url')
  #requests = 0
  #stopping = false

  constructor(deps: RequestHandlerDeps) {
    this.#deps = deps
    this.#limits = deps.limits
    this.#now = () => deps.clock.monotonic()
    this.#inFlight = new InFlight({
      clock: deps.clock,
      checkIntervalMs: deps.limits.checkIntervalMs,
      onExpired: (exchange) => this.#expire(exchange),
    })
  }

  /** How many requests are going on. */
  get inFlight(): number {
    return this.#inFlight.size
  }

  /** Handles a request that Express passes on. */
  handle(request: IncomingMessage, response: ServerResponse): void {
    const exchange = this.#begin(request, response)
    if (request.rawHeaders.length > 2 * this.#limits.maxHeaders) {
      void this.#write(exchange, errorAnswer(tooManyHeaders()))
      return
    }
    const destination = this.#deps.router.find(exchange.method, exchange.path)
    switch (destination.kind) {
      case 'endpoint':
        void this.#serve(exchange, destination.route, destination.values)
        return
      case 'preflight':
        writePreflight(exchange)
        return
      case 'refused':
        exchange.crossOrigin = destination.crossOrigin
        void this.#write(exchange, destination.answer)
    }
  }

  /** Handles bytes that Node's parser does not take. */
  handleConnectionError(error: Error, socket: Socket): void {
    const refusal = connectionRefusal(error)
    if (refusal === undefined || !socket.writable) {
      socket.destroy()
      return
    }
    const going = [...this.#inFlight].filter((exchange) => exchange.request.socket === socket)
    const [only] = going
    if (only === undefined) writeRefusal(socket, refusal, this.#nextRequestId())
    else if (going.length === 1 && only.phase !== 'writing' && only.hasUnreadBody) {
      void this.#write(only, errorAnswer(refusal), { close: true })
    } else {
      // Bytes behind a request that is still being answered: an answer to them now would pass for that one's.
      socket.destroy()
    }
  }

  /** Closes each connection after its answer from now on. Long polls answer at once with what they have. */
  drain(): void {
    this.#stopping = true
    for (const exchange of this.#inFlight) if (exchange.longPoll) exchange.abort(new RequestAborted('stopping'))
  }

  /** Waits for what is going on, after {@link drain}. Tells whether all ended before the limit. */
  async stop(): Promise<boolean> {
    this.drain()
    const drained = await this.#inFlight.drained(this.#limits.stopTimeoutMs)
    for (const exchange of this.#inFlight) exchange.abort(new RequestAborted('stopping'))
    return drained
  }

  #begin(request: IncomingMessage, response: ServerResponse): Exchange {
    const peer = request.socket.remoteAddress ?? ''
    const exchange = new Exchange(request, response, {
      requestId: this.#nextRequestId(),
      ip: clientAddress(peer, request.headers['x-forwarded-for'] as string | undefined, this.#deps.trustedProxies),
      startedAt: this.#now(),
    })
    exchange.deadlineAt = exchange.startedAt + this.#limits.handlerTimeoutMs
    this.#inFlight.add(exchange)
    response.on('close', () => this.#end(exchange))
    // A response that waits for that of an earlier request on its connection is not told when the connection is closed.
    if (response.socket === null) request.on('close', () => request.socket.destroyed && this.#end(exchange))
    return exchange
  }

  #nextRequestId(): string {
    return this.#requestIdPrefix + (this.#requests++).toString(36)
  }

  async #serve(exchange: Exchange, route: Route, values: readonly string[]): Promise<void> {
    exchange.operation = route.endpoint.operation
    exchange.longPoll = route.endpoint.longPoll
    exchange.crossOrigin = route.crossOrigin
    if (this.#stopping && exchange.longPoll) exchange.abort(new RequestAborted('stopping'))
    let answer: Answer<unknown> | RawAnswer
    try {
      answer = await route.endpoint.serve(exchange, { names: route.parameterNames, values }, this.#now)
    } catch (error) {
      answer = this.#refuse(exchange, error)
    }
    if (exchange.refusal !== undefined) {
      discardAnswer(answer)
      answer = errorAnswer(exchange.refusal)
    }
    await this.#write(exchange, answer)
  }

  /** The answer to a request that failed. What nobody foresaw is logged. */
  #refuse(exchange: Exchange, error: unknown): Answer<unknown> {
    const abandoned = error === exchange.aborted || error instanceof IncompleteRequest
    if (!isExpected(error) && !abandoned) this.#logFailure(exchange, 'a request failed', error)
    return errorAnswer(abandoned ? new Unavailable('the request was abandoned', { cause: error }) : error)
  }

  /** Answers an exchange, once: what comes after its deadline, or after the client has gone, comes too late. */
  async #write(
    exchange: Exchange,
    answer: Answer<unknown> | RawAnswer,
    { close } = { close: this.#stopping },
  ): Promise<void> {
    const { response } = exchange
    if (exchange.phase === 'writing' || response.destroyed) {
      discardAnswer(answer)
      return
    }
    exchange.phase = 'writing'
    exchange.deadlineAt = this.#now() + this.#limits.writeTimeoutMs
    const options = { close, lingerMs: this.#limits.lingerMs, now: this.#now }
    try {
      const bytes = await writeAnswer(exchange, answer, options)
      exchange.deadlineAt += (bytes / this.#limits.minBytesPerSecond) * 1000
    } catch (error) {
      if (!isCutOff(exchange, error) && !isExpected(error))
        this.#logFailure(exchange, 'an answer could not be written', error)
      // Half an answer cannot be taken back; a cut connection tells the client that it is not the whole.
      if (response.headersSent) response.destroy()
      else await writeAnswer(exchange, errorAnswer(error), options)
    }
  }

  #logFailure({ requestId, operation }: Exchange, message: string, error: unknown): void {
    this.#deps.logger.error(message, { requestId, operation, error })
  }

  #expire(exchange: Exchange): void {
    if (exchange.phase === 'writing') {
      exchange.request.socket.destroy()
      return
    }
    const late =
      exchange.phase === 'reading'
        ? new MatrixError('M_UNKNOWN', 'The request did not arrive in time', { status: 408 })
        : new MatrixError('M_UNKNOWN', 'The server did not answer in time', { status: 504 })
    void this.#write(exchange, errorAnswer(late), { close: true })
    exchange.abort(new RequestAborted('deadline'))
  }

  #end(exchange: Exchange): void {
    if (!this.#inFlight.delete(exchange)) return
    if (!exchange.response.writableFinished) exchange.abort(new RequestAborted('client-gone'))
    this.#deps.onEnd(exchange, this.#now() - exchange.startedAt)
  }
}

const cutOffCodes = new Set<unknown>(['ERR_STREAM_PREMATURE_CLOSE', 'ERR_STREAM_DESTROYED', 'ECONNRESET', 'EPIPE'])

/** Whether an answer ended because its exchange was given up, by either side: an answer that fails by itself ends that too. */
function isCutOff({ aborted }: Exchange, error: unknown): boolean {
  return aborted !== undefined && (error === aborted || cutOffCodes.has((error as NodeJS.ErrnoException).code))
}

function tooManyHeaders(): MatrixError {
  return new MatrixError('M_TOO_LARGE', 'The request has too many headers', { status: 431 })
}
