import { FakeClock, createLogger, Metrics } from '@hearth/runtime'
import { describe, expect, it, onTestFinished } from 'vitest'
import { HttpServer, operations, RateLimiters } from '../src/index.ts'
import { call } from './test-server.ts'

async function serveOperations(findTrouble: () => string | undefined, metricsFor: 'loopback' | 'everyone' | 'nobody') {
  const metrics = new Metrics()
  const server = new HttpServer({
    listen: ['http://127.0.0.1:0', 'http://127.0.0.1:0'],
    trustedProxies: ['loopback'],
    rateLimiters: new RateLimiters({ limits: {}, enabled: true }),
    clock: new FakeClock(),
    logger: createLogger({ level: 'error', sink: { write() {}, flush() {} } }),
    metrics,
    checkResponses: true,
  })
  server.mount(operations({ findTrouble, metrics }, { metricsFor }))
  await server.start()
  onTestFinished(() => server.stop())
  return server.urls
}

describe('GET /health', () => {
  it('is ok, on every listener', async () => {
    const urls = await serveOperations(() => undefined, 'loopback')
    for (const url of urls) expect(await call(`${url}/health`)).toMatchObject({ status: 200, body: { status: 'ok' } })
    expect(new Set(urls).size).toBe(2)
  })

  it('is 503 with the reason otherwise', async () => {
    const [url] = await serveOperations(() => 'the database is away', 'loopback')
    const { status, body } = await call(`${url}/health`)
    expect([status, body]).toEqual([503, { status: 'unavailable', reason: 'the database is away' }])
  })
})

describe('GET /metrics', () => {
  it('has the durations of requests by operation', async () => {
    const [url] = await serveOperations(() => undefined, 'loopback')
    await call(`${url}/health`)
    const response = await fetch(`${url}/metrics`)
    expect(response.headers.get('content-type')).toContain('text/plain')
    const text = await response.text()
    expect(text).toContain('hearth_http_request_duration_seconds_count{operation="health",status="2xx"} 1')
    expect(text).toContain('hearth_http_requests_in_flight 1')
  })

  it.each([{ 'x-forwarded-for': '203.0.113.7' }, { 'x-forwarded-for': '127.0.0.1' }, { 'x-real-ip': '203.0.113.7' }])(
    'is not there for what a proxy forwards (%j)',
    async (headers) => {
      const [url] = await serveOperations(() => undefined, 'loopback')
      expect((await call(`${url}/metrics`, { headers })).status).toBe(404)
    },
  )

  it('is not there at all where another listener has it', async () => {
    const [url] = await serveOperations(() => undefined, 'nobody')
    expect((await call(`${url}/metrics`)).status).toBe(404)
    expect((await call(`${url}/health`)).status).toBe(200)
  })

  it('is there for everyone on a listener that says so', async () => {
    const [url] = await serveOperations(() => undefined, 'everyone')
    expect((await fetch(`${url}/metrics`, { headers: { 'x-forwarded-for': '203.0.113.7' } })).status).toBe(200)
  })
})
