import { describe, expect, it, vi } from 'vitest'
import { FakeClock } from './clock.ts'
import { Lifecycle } from './lifecycle.ts'
import { createLogger } from './logger.ts'

function createLifecycle() {
  const lines: string[] = []
  const clock = new FakeClock()
  const logger = createLogger({ level: 'info', pretty: false, sink: { write: (line) => lines.push(line), flush() {} } })
  const log: string[] = []
  const component = (name: string) => ({
    name,
    start: () => void log.push(`start ${name}`),
    stop: () => void log.push(`stop ${name}`),
  })
  return { lifecycle: new Lifecycle({ clock, logger }), clock, log, lines, component }
}

describe('a lifecycle', () => {
  it('starts in order and stops in reverse', async () => {
    const { lifecycle, log, component } = createLifecycle()
    for (const name of ['store', 'core', 'http']) lifecycle.add(component(name))
    await lifecycle.start()
    await lifecycle.stop()
    expect(log).toEqual(['start store', 'start core', 'start http', 'stop http', 'stop core', 'stop store'])
  })

  it('stops what was started, the failed one included, when one cannot start', async () => {
    const { lifecycle, log, component } = createLifecycle()
    lifecycle.add(component('store'))
    lifecycle.add({ ...component('core'), start: () => Promise.reject(new Error('no')) })
    lifecycle.add(component('http'))
    await expect(lifecycle.start()).rejects.toThrow('no')
    expect(log).toEqual(['start store', 'stop core', 'stop store'])
  })

  it('does not wait for ever for one to start', async () => {
    const { lifecycle, clock, component } = createLifecycle()
    lifecycle.add({ ...component('store'), start: () => new Promise(() => {}), startTimeoutMs: 100 })
    const started = expect(lifecycle.start()).rejects.toThrow('store took more than 100 ms to start')
    await clock.advance(100)
    await started
  })

  it('leaves behind what does not stop, or fails to, and says so', async () => {
    const { lifecycle, clock, log, lines, component } = createLifecycle()
    lifecycle.add(component('store'))
    lifecycle.add({ ...component('core'), stop: () => Promise.reject(new Error('broken')) })
    lifecycle.add({ ...component('http'), stop: () => new Promise(() => {}), stopTimeoutMs: 100 })
    await lifecycle.start()
    const stopped = lifecycle.stop()
    await clock.advance(100)
    await stopped
    expect(log.at(-1)).toBe('stop store')
    const logged = lines.map((line) => JSON.parse(line) as { component: string; error: { message: string } })
    expect(logged.map(({ component, error }) => [component, error.message])).toEqual([
      ['http', 'http took more than 100 ms to stop'],
      ['core', 'broken'],
    ])
    expect(clock.pendingTimers).toBe(0)
  })

  it('stops what was running before, last', async () => {
    const { lifecycle, log, component } = createLifecycle()
    lifecycle.adopt(component('database'))
    lifecycle.add(component('http'))
    await lifecycle.start()
    await lifecycle.stop()
    expect(log).toEqual(['start http', 'stop http', 'stop database'])
  })

  it('gives each only what the others left of the time for all', async () => {
    const { clock, component } = createLifecycle()
    const logger = createLogger({ level: 'error', sink: { write() {}, flush() {} } })
    const lifecycle = new Lifecycle({ clock, logger, stopWithinMs: 500 })
    const left: number[] = []
    const endless = (leftMs: number) => {
      left.push(leftMs)
      return new Promise<void>(() => {})
    }
    lifecycle.adopt({ name: 'database', stop: endless, stopTimeoutMs: 10_000 })
    lifecycle.add({ ...component('core'), stop: endless, stopTimeoutMs: 100 })
    lifecycle.add({ ...component('http'), stop: endless, stopTimeoutMs: 300 })
    await lifecycle.start()
    const stopped = lifecycle.stop()
    await clock.advance(500)
    await stopped
    expect(left).toEqual([500, 200, 100])
  })

  it('stops once, however often it is asked to', async () => {
    const { lifecycle, component } = createLifecycle()
    const stop = vi.fn()
    lifecycle.add({ ...component('store'), stop })
    await lifecycle.start()
    await Promise.all([lifecycle.stop(), lifecycle.stop()])
    expect(stop).toHaveBeenCalledOnce()
  })

  it('does not start on while it is being stopped', async () => {
    const { lifecycle, log, component } = createLifecycle()
    lifecycle.add({ name: 'store', start: () => void lifecycle.stop() })
    lifecycle.add(component('core'))
    await expect(lifecycle.start()).rejects.toThrow('stopped while starting')
    expect(log).toEqual([])
  })
})
