import {
  collectDefaultMetrics,
  Counter,
  Gauge,
  Histogram,
  Registry,
  type CounterConfiguration,
  type GaugeConfiguration,
  type HistogramConfiguration,
} from 'prom-client'

export type { Counter, Gauge, Histogram } from 'prom-client'

/** The metrics of one process, in Prometheus's text format. Passed to whatever measures something. */
export class Metrics {
  readonly #registry = new Registry()
  readonly #samplers: (() => void)[] = []

  /** With `process`, adds the process's own: CPU, memory, garbage collection, event-loop lag up to its p99. */
  constructor(options: { readonly process?: boolean } = {}) {
    if (options.process === true) collectDefaultMetrics({ register: this.#registry })
  }

  counter<Label extends string = string>(configuration: CounterConfiguration<Label>): Counter<Label> {
    return this.#existing<Counter<Label>>(configuration.name) ?? new Counter({ ...configuration, ...this.#here() })
  }

  gauge<Label extends string = string>(configuration: GaugeConfiguration<Label>): Gauge<Label> {
    return this.#existing<Gauge<Label>>(configuration.name) ?? new Gauge({ ...configuration, ...this.#here() })
  }

  histogram<Label extends string = string>(configuration: HistogramConfiguration<Label>): Histogram<Label> {
    return this.#existing<Histogram<Label>>(configuration.name) ?? new Histogram({ ...configuration, ...this.#here() })
  }

  /** Calls `sample` before the metrics are read, so that sizes need not be kept up to date in between. */
  onRead(sample: () => void): void {
    this.#samplers.push(sample)
  }

  /** The content type of `text()`. */
  get contentType(): string {
    return this.#registry.contentType
  }

  /** All metrics as text. */
  text(): Promise<string> {
    for (const sample of this.#samplers) sample()
    return this.#registry.metrics()
  }

  #here(): { registers: [Registry] } {
    return { registers: [this.#registry] }
  }

  /** A metric that several parts share, told apart by a label, is made by the first of them. */
  #existing<M>(name: string): M | undefined {
    return this.#registry.getSingleMetric(name) as M | undefined
  }
}
