import type { Clock, Logger, Metrics } from '@hearth/runtime'
import type { ErrorRequestHandler } from 'express'
import { TrustedProxies } from './client-address.ts'
import type { Requesters } from './endpoint.ts'
import { HttpMetrics } from './http-metrics.ts'
import { defaultLimits, type HttpLimits } from './limits.ts'
import { createLinkedExpress } from './linked-express.ts'
import { Listener, type TlsFiles } from './listener.ts'
import type { RateLimiters } from './rate-limits.ts'
import { RequestHandler } from './request-handler.ts'
import { logRequest } from './request-log.ts'
import { Router } from './router.ts'
import type { Transport } from './transport.ts'

export interface HttpServerDeps {
  /** The URLs to listen on; port 0 lets the system choose. */
  readonly listen: readonly string[]
  readonly tls?: TlsFiles
  /** Addresses, CIDR ranges or `loopback`. */
  readonly trustedProxies: readonly string[]
  readonly rateLimiters: RateLimiters
  readonly clock: Clock
  readonly logger: Logger
  readonly metrics: Metrics
  readonly limits?: Partial<HttpLimits>
  /** Answers 500 when a handler returns what its schema does not allow. For tests and development. */
  readonly checkResponses?: boolean
}

const DRAIN_STEP_MS = 250

/** Serves endpoints over HTTP: a component that is started and stopped. */
export class HttpServer {
  readonly #clock: Clock
  readonly #logger: Logger
  readonly #router: Router
  readonly #handler: RequestHandler
  readonly #listeners: readonly Listener[]

  constructor(deps: HttpServerDeps) {
    const { clock, logger, rateLimiters } = deps
    const limits = { ...defaultLimits, ...deps.limits }
    const trustedProxies = new TrustedProxies(deps.trustedProxies)
    const metrics = new HttpMetrics(deps.metrics, {
      inFlight: () => this.#handler.inFlight,
      connections: () => this.#listeners.reduce((sum, listener) => sum + listener.connections, 0),
    })
    this.#clock = clock
    this.#logger = logger
    this.#router = new Router({
      rateLimiters,
      limits,
      checkResponses: deps.checkResponses ?? false,
    })
    this.#handler = new RequestHandler({
      router: this.#router,
      trustedProxies,
      limits,
      clock,
      logger,
      onEnd(exchange, durationMs) {
        metrics.observe(exchange, durationMs)
        logRequest(logger, exchange, durationMs)
      },
    })
    const express = createLinkedExpress()
    express.app.use((request, response) => {
      // Express's way on, which is not taken, would be kept for as long as a long poll waits.
      Object.assign(request, { next: undefined })
      this.#handler.handle(request, response)
    })
    express.app.use(lastResort(logger))
    this.#listeners = deps.listen.map(
      (url) =>
        new Listener({
          url: new URL(url),
          tls: deps.tls,
          express,
          limits,
          trustedProxies,
          onClientError: (error, socket) => this.#handler.handleConnectionError(error, socket),
        }),
    )
  }

  /** The URLs that are listened on. */
  get urls(): string[] {
    return this.#listeners.map((listener) => listener.url)
  }

  /** Adds endpoints, before or after the start. Throws for a path that is taken and for an unknown limit. */
  mount<Context, Known extends Requesters>(transport: Transport<Context, Known>): void {
    this.#router.mount(transport)
  }

  async start(): Promise<void> {
    for (const listener of this.#listeners) await listener.start()
  }

  /**
   * Takes no more connections, lets requests end (long polls at once, with what they have), and closes what is left when
   * the time for it is over. Before that, for `drainMs` milliseconds or until nobody is connected, goes on serving who comes
   * and closes each connection after its answer: nobody finds one closed that they are just asking on.
   */
  async stop({ drainMs = 0 }: { readonly drainMs?: number } = {}): Promise<void> {
    this.#handler.drain()
    if (drainMs > 0) await this.#drained(drainMs)
    for (const listener of this.#listeners) listener.close()
    const drained = await this.#handler.stop()
    if (!drained) this.#logger.warn('requests were cut off', { count: this.#handler.inFlight })
    for (const listener of this.#listeners) listener.destroyConnections()
  }

  async #drained(limitMs: number): Promise<void> {
    const end = this.#clock.monotonic() + limitMs
    const isConnected = (): boolean => this.#listeners.some(({ connections }) => connections > 0)
    // Balancers have to find out first.
    do await this.#clock.sleep(Math.min(DRAIN_STEP_MS, limitMs))
    while (isConnected() && this.#clock.monotonic() < end)
  }

  /** Reads the certificate and key again; with an unusable one the old one stays in use. */
  reloadCertificates(): void {
    for (const listener of this.#listeners) {
      try {
        listener.reloadCertificate()
      } catch (error) {
        this.#logger.error('the certificate could not be read again', { url: listener.url, error })
      }
    }
  }
}

/** The handler answers all that can go wrong; Express's own last resort would be a page with a stack trace. */
function lastResort(logger: Logger): ErrorRequestHandler {
  return (error, _request, response, _next) => {
    logger.error('a request could not be handled', { error: error as unknown })
    response.socket?.destroy()
  }
}
