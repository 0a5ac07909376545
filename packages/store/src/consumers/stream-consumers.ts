import type { Clock, Logger, Metrics } from '@hearth/runtime'
import type { Database } from '../connection/database.ts'
import type { StreamChange, Streams } from '../streams/streams.ts'
import { ConsumerRun } from './consumer-run.ts'
import type { StreamConsumer } from './stream-consumer.ts'

export interface StreamConsumersDeps<Change extends StreamChange> {
  readonly db: Database
  readonly streams: Streams<Change>
  readonly clock: Clock
  readonly logger: Logger
  readonly metrics?: Metrics | undefined
  /** How often to look for what nobody has told of, in milliseconds: changes by other processes. 10 s when absent. */
  readonly pollMs?: number | undefined
}

const DEFAULT_POLL_MS = 10_000

/** The consumers of the stream that run in this process. */
export class StreamConsumers<Change extends StreamChange> {
  readonly #deps: StreamConsumersDeps<Change>
  readonly #runs: ConsumerRun<Change>[] = []
  #head = 0
  #stopped = false

  constructor(deps: StreamConsumersDeps<Change>) {
    this.#deps = deps
    if (deps.metrics !== undefined) this.#publish(deps.metrics)
  }

  /** Starts a consumer. */
  add(consumer: StreamConsumer<Change>): void {
    if (this.#stopped) throw new Error('the consumers of the stream have been stopped')
    if (this.#runs.some((run) => run.consumer.name === consumer.name)) {
      throw new Error(`there is a consumer "${consumer.name}" already`)
    }
    const { db, streams, clock, logger, pollMs = DEFAULT_POLL_MS } = this.#deps
    const run = new ConsumerRun({ consumer, db, streams, clock, logger, pollMs })
    this.#runs.push(run)
    run.start()
  }

  /** Says that the stream has come to a position, and whether state events are among what is new. */
  hint(position: number, { hasState }: { readonly hasState: boolean }): void {
    this.#head = Math.max(this.#head, position)
    for (const run of this.#runs) {
      if (run.position < position && (hasState || run.consumer.wokenBy !== 'state')) run.wake()
    }
  }

  /** How many positions a consumer is behind, as far as this process knows. */
  lag(name: string): number {
    const run = this.#runs.find(({ consumer }) => consumer.name === name)
    return run === undefined ? 0 : Math.max(0, this.#head - run.position)
  }

  /** Ends all of them, each after the batch that it is working on. */
  async stop(): Promise<void> {
    this.#stopped = true
    await Promise.all(this.#runs.map((run) => run.stop()))
  }

  #publish(metrics: Metrics): void {
    const lag = metrics.gauge({
      name: 'hearth_consumer_lag_positions',
      help: 'Stream positions that a consumer is behind',
      labelNames: ['consumer'] as const,
    })
    metrics.onRead(() => {
      for (const { consumer } of this.#runs) lag.set({ consumer: consumer.name }, this.lag(consumer.name))
    })
  }
}
