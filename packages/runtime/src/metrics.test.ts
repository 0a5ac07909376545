import { describe, expect, it } from 'vitest'
import { Metrics } from './metrics.ts'

describe('metrics', () => {
  it('of several parts share a name and differ by label', async () => {
    const metrics = new Metrics()
    const of = () => metrics.counter({ name: 'x_total', help: 'x', labelNames: ['part'] })
    of().inc({ part: 'a' })
    of().inc({ part: 'b' }, 2)
    const text = await metrics.text()
    expect(text).toContain('x_total{part="a"} 1')
    expect(text).toContain('x_total{part="b"} 2')
    expect(metrics.contentType).toContain('text/plain')
  })

  it('are sampled when they are read', async () => {
    const metrics = new Metrics()
    const gauge = metrics.gauge({ name: 'x', help: 'x' })
    let size = 1
    metrics.onRead(() => gauge.set(size))
    expect(await metrics.text()).toContain('x 1')
    size = 2
    expect(await metrics.text()).toContain('x 2')
  })

  it('have histograms', async () => {
    const metrics = new Metrics()
    metrics.histogram({ name: 'x', help: 'x', buckets: [1, 2] }).observe(1.5)
    expect(await metrics.text()).toContain('x_bucket{le="2"} 1')
  })

  it('of the process have its event-loop lag', async () => {
    const text = await new Metrics({ process: true }).text()
    expect(text).toContain('nodejs_eventloop_lag_p99_seconds')
    expect(text).toContain('process_resident_memory_bytes')
  })
})
