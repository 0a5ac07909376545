import { limitExceeded, s } from '@hearth/protocol'
import { Metrics } from '@hearth/runtime'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { RateLimiters } from '../src/index.ts'
import { call, endpoint, serve } from './test-server.ts'

const login = endpoint({
  method: 'POST',
  path: '/login',
  auth: 'none',
  rateLimit: 'login',
  body: s.record(s.unknown),
  response: s.object({}),
  handle: () => ({}),
})

const send = endpoint({
  method: 'PUT',
  path: '/send',
  auth: 'user',
  rateLimit: 'message',
  response: s.object({}),
  handle: () => ({}),
})

const rateLimits = {
  login: { perSecond: 0.001, burst: 3, by: 'address' },
  message: { perSecond: 0.001, burst: 2, by: 'user' },
} as const

describe('a limited endpoint', () => {
  async function statuses(url: string, headers: Record<string, string>[]) {
    const answers = []
    for (const more of headers) answers.push(await call(`${url}/login`, { method: 'POST', body: '{}', headers: more }))
    return answers.map(({ status }) => status)
  }

  it('[SEC-66] answers 429 with the time to wait, in the body and in the header', async () => {
    const { url } = await serve({ login }, { rateLimits })
    expect(await statuses(url, [{}, {}, {}])).toEqual([200, 200, 200])
    const { status, headers, body } = await call(`${url}/login`, { method: 'POST', body: 'not even JSON' })
    expect([status, body['errcode']]).toEqual([429, 'M_LIMIT_EXCEEDED'])
    const retryAfterMs = body['retry_after_ms'] as number
    expect(retryAfterMs).toBeGreaterThan(0)
    expect(headers.get('retry-after')).toBe(String(Math.ceil(retryAfterMs / 1000)))
    expect(headers.get('access-control-allow-origin')).toBe('*')
  })

  it('[SEC-42] is not fooled by X-Forwarded-For from somebody who is no proxy', async () => {
    const { url } = await serve({ login }, { rateLimits })
    const spoofed = Array.from({ length: 5 }, (_, i) => ({ 'x-forwarded-for': `198.51.100.${i}` }))
    expect(await statuses(url, spoofed)).toEqual([200, 200, 200, 429, 429])
  })

  it('[SEC-42] is not fooled by what a client has put in front of the proxy’s word', async () => {
    const { url } = await serve({ login }, { rateLimits, trustedProxies: ['loopback'] })
    const spoofed = Array.from({ length: 5 }, (_, i) => ({ 'x-forwarded-for': `198.51.100.${i}, 203.0.113.7` }))
    expect(await statuses(url, spoofed)).toEqual([200, 200, 200, 429, 429])
  })

  it('counts the clients of a trusted proxy apart, and an IPv6 network as one', async () => {
    const { url } = await serve({ login }, { rateLimits, trustedProxies: ['loopback'] })
    const others = Array.from({ length: 5 }, (_, i) => ({ 'x-forwarded-for': `198.51.100.${i}` }))
    expect(await statuses(url, others)).toEqual([200, 200, 200, 200, 200])
    const neighbors = Array.from({ length: 4 }, (_, i) => ({ 'x-forwarded-for': `2001:db8::${i + 1}` }))
    expect(await statuses(url, neighbors)).toEqual([200, 200, 200, 429])
  })

  it('counts each user apart', async () => {
    const { url } = await serve({ send }, { rateLimits })
    const answers = []
    for (const user of ['alice', 'alice', 'bob', 'alice', 'bob']) {
      const headers = { authorization: `Bearer ${user}` }
      answers.push((await call(`${url}/send`, { method: 'PUT', headers })).status)
    }
    expect(answers).toEqual([200, 200, 200, 429, 200])
  })

  it('must have a limit of its name', async () => {
    await expect(serve({ login })).rejects.toThrow("there is no rate limit 'login'")
  })
})

describe('a rate limit', () => {
  beforeEach(() => void vi.useFakeTimers())
  afterEach(() => void vi.useRealTimers())

  async function passes(limiters: RateLimiters, key = 'alice'): Promise<boolean> {
    return limiters.count('x', key).then(
      () => true,
      () => false,
    )
  }

  it('lets a burst through, then a trickle, then, after a pause, a burst again', async () => {
    const limiters = new RateLimiters({ limits: { x: { perSecond: 1, burst: 10, by: 'user' } }, enabled: true })
    let passed = 0
    for (let i = 0; i < 30; i++) if (await passes(limiters)) passed++
    expect(passed).toBe(10)
    await vi.advanceTimersByTimeAsync(2_100)
    expect([await passes(limiters), await passes(limiters)]).toEqual([true, false])
    await vi.advanceTimersByTimeAsync(30_000)
    passed = 0
    for (let i = 0; i < 30; i++) if (await passes(limiters)) passed++
    expect(passed).toBe(10)
  })

  it('holds in the long run', async () => {
    const limiters = new RateLimiters({ limits: { x: { perSecond: 2, burst: 8, by: 'user' } }, enabled: true })
    let passed = 0
    for (let i = 0; i < 6_000; i++) {
      if (await passes(limiters)) passed++
      await vi.advanceTimersByTimeAsync(100)
    }
    expect(passed).toBeGreaterThan(1_000)
    expect(passed).toBeLessThanOrEqual(1_210)
  })

  it('names a time after which the next request passes', async () => {
    const limiters = new RateLimiters({ limits: { x: { perSecond: 0.5, burst: 3, by: 'user' } }, enabled: true })
    for (let i = 0; i < 3; i++) await limiters.count('x', 'alice')
    const refusal = await limiters.count('x', 'alice').catch((error: unknown) => error)
    expect(refusal).toMatchObject({ errcode: limitExceeded(1).errcode })
    const { retry_after_ms: retryAfterMs } = (refusal as { fields: { retry_after_ms: number } }).fields
    await vi.advanceTimersByTimeAsync(retryAfterMs)
    expect(await passes(limiters)).toBe(true)
  })

  it('[SEC-260] asks nobody to wait for a day when the clock is set back', async () => {
    const limiters = new RateLimiters({ limits: { x: { perSecond: 1, burst: 2, by: 'user' } }, enabled: true })
    for (let i = 0; i < 2; i++) await limiters.count('x', 'alice')
    vi.setSystemTime(Date.now() - 24 * 3_600_000)
    const refusal = await limiters.count('x', 'alice').catch((error: unknown) => error)
    expect((refusal as { fields: { retry_after_ms: number } }).fields.retry_after_ms).toBeLessThanOrEqual(2_000)
    await vi.advanceTimersByTimeAsync(2_000)
    expect(await passes(limiters)).toBe(true)
  })

  it('can be taken back for a key', async () => {
    const limiters = new RateLimiters({ limits: { x: { perSecond: 0.01, burst: 1, by: 'user' } }, enabled: true })
    expect([await passes(limiters), await passes(limiters)]).toEqual([true, false])
    await limiters.reset('x', 'alice')
    expect(await passes(limiters)).toBe(true)
  })

  it('remembers no more keys than it may, and forgets the one seen longest ago', async () => {
    const limits = { x: { perSecond: 0.01, burst: 1, by: 'user' } } as const
    const limiters = new RateLimiters({ limits, enabled: true, maxKeys: 2 })
    for (const key of ['a', 'b', 'c']) expect(await passes(limiters, key)).toBe(true)
    expect([await passes(limiters, 'b'), await passes(limiters, 'c')]).toEqual([false, false])
    expect(await passes(limiters, 'a')).toBe(true)
  })

  it('can be switched off', async () => {
    const limiters = new RateLimiters({ limits: { x: { perSecond: 0.01, burst: 1, by: 'user' } }, enabled: false })
    for (let i = 0; i < 10; i++) expect(await passes(limiters)).toBe(true)
  })

  it('counts its refusals', async () => {
    const metrics = new Metrics()
    const limits = { x: { perSecond: 0.01, burst: 1, by: 'user' } } as const
    const limiters = new RateLimiters({ limits, enabled: true, metrics })
    await passes(limiters)
    await passes(limiters)
    expect(await metrics.text()).toContain('hearth_rate_limited_total{limit="x"} 1')
  })
})
