import type { Metrics } from '@hearth/runtime'

/** Figures for metrics and budgets. */
export interface DatabaseStatistics {
  readonly available: boolean
  /** Statements sent since the start, `BEGIN` and `COMMIT` included. */
  readonly statements: number
  readonly connectionsLost: number
  readonly readsInFlight: number
  readonly poolSize: number
  readonly poolIdle: number
  readonly poolWaiting: number
}

/** Shows the figures as metrics. */
export function publishStatistics(metrics: Metrics, statistics: () => DatabaseStatistics): void {
  const gauges = {
    available: metrics.gauge({ name: 'hearth_database_available', help: 'Whether the database can be reached' }),
    readsInFlight: metrics.gauge({ name: 'hearth_database_reads_in_flight', help: 'Reads that wait for their answer' }),
    poolSize: metrics.gauge({ name: 'hearth_database_pool_connections', help: 'Connections of the pool' }),
    poolIdle: metrics.gauge({ name: 'hearth_database_pool_idle', help: 'Connections of the pool that are not in use' }),
    poolWaiting: metrics.gauge({ name: 'hearth_database_pool_waiting', help: 'Callers that wait for a connection' }),
  }
  const counters = {
    statements: metrics.counter({ name: 'hearth_database_statements_total', help: 'SQL statements sent' }),
    connectionsLost: metrics.counter({
      name: 'hearth_database_losses_total',
      help: 'How often the database went away',
    }),
  }
  let last = { statements: 0, connectionsLost: 0 }
  metrics.onRead(() => {
    const now = statistics()
    gauges.available.set(now.available ? 1 : 0)
    gauges.readsInFlight.set(now.readsInFlight)
    gauges.poolSize.set(now.poolSize)
    gauges.poolIdle.set(now.poolIdle)
    gauges.poolWaiting.set(now.poolWaiting)
    counters.statements.inc(now.statements - last.statements)
    counters.connectionsLost.inc(now.connectionsLost - last.connectionsLost)
    last = now
  })
}
