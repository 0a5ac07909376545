import type { Histogram, Metrics } from '@hearth/runtime'
import type { Exchange } from './exchange.ts'

/** What is measured of every request. */
export class HttpMetrics {
  readonly #durations: Histogram<'operation' | 'status'>
  // Looking a histogram's labels up costs more than the rest of observing.
  readonly #observers = new Map<string, Map<string, (seconds: number) => void>>()

  constructor(metrics: Metrics, sizes: { inFlight: () => number; connections: () => number }) {
    this.#durations = metrics.histogram({
      name: 'hearth_http_request_duration_seconds',
      help: 'From the headers of a request to the last byte of its answer',
      labelNames: ['operation', 'status'],
      buckets: [0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60],
    })
    const inFlight = metrics.gauge({ name: 'hearth_http_requests_in_flight', help: 'Requests being answered' })
    const connections = metrics.gauge({ name: 'hearth_http_connections', help: 'Open connections' })
    metrics.onRead(() => {
      inFlight.set(sizes.inFlight())
      connections.set(sizes.connections())
    })
  }

  /** Counts an exchange that has ended. */
  observe(exchange: Exchange, durationMs: number): void {
    const status = exchange.status === 0 ? 'aborted' : `${Math.floor(exchange.status / 100)}xx`
    const observers = this.#observers.get(exchange.operation) ?? new Map<string, (seconds: number) => void>()
    this.#observers.set(exchange.operation, observers)
    let observe = observers.get(status)
    if (observe === undefined) {
      const bound = this.#durations.labels({ operation: exchange.operation, status })
      observers.set(status, (observe = (seconds) => bound.observe(seconds)))
    }
    observe(durationMs / 1000)
  }
}
