import type { Metrics } from './metrics.ts'

/** How a cache is doing. */
export interface CacheFigures {
  readonly entries: number
  /** What its entries take, estimated. */
  readonly bytes: number
  /** Look-ups that found something, and those that did not, since the last time it was asked. */
  readonly hits: number
  readonly misses: number
}

/** Publishes a cache's figures under its name; `read` is asked for them whenever metrics are read. */
export function publishCache(metrics: Metrics, cache: string, read: () => CacheFigures): void {
  const labelNames = ['cache'] as const
  const entries = metrics.gauge({ name: 'hearth_cache_entries', help: 'Entries in a cache', labelNames })
  const bytes = metrics.gauge({ name: 'hearth_cache_bytes', help: 'Bytes a cache takes, estimated', labelNames })
  const hits = metrics.counter({ name: 'hearth_cache_hits_total', help: 'Look-ups that found it', labelNames })
  const misses = metrics.counter({ name: 'hearth_cache_misses_total', help: 'Look-ups that did not', labelNames })
  metrics.onRead(() => {
    const figures = read()
    entries.set({ cache }, figures.entries)
    bytes.set({ cache }, figures.bytes)
    hits.inc({ cache }, figures.hits)
    misses.inc({ cache }, figures.misses)
  })
}
