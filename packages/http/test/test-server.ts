import { createHash } from 'node:crypto'
import { createLogger, Metrics, SystemClock, type Clock } from '@hearth/runtime'
import { MatrixError } from '@hearth/protocol'
import { onTestFinished } from 'vitest'
import {
  endpointFor,
  HttpServer,
  RateLimiters,
  type Endpoint,
  type HttpLimits,
  type RateLimit,
  type TlsFiles,
} from '../src/index.ts'

interface TestRequesters {
  readonly none: undefined
  readonly user: { readonly userId: string }
  readonly sealed: { readonly seal: string }
}

export const endpoint = endpointFor<object, TestRequesters>()

export interface TestServerOptions {
  readonly limits?: Partial<HttpLimits>
  readonly rateLimits?: Readonly<Record<string, RateLimit>>
  readonly trustedProxies?: readonly string[]
  readonly aliases?: Readonly<Record<string, readonly string[]>>
  readonly clock?: Clock
  readonly tls?: TlsFiles
}

/** Serves endpoints on a free port until the test is over. The token `alice` belongs to `@alice:localhost`. */
export async function serve(endpoints: Readonly<Record<string, Endpoint<object>>>, options: TestServerOptions = {}) {
  const logLines: string[] = []
  const metrics = new Metrics()
  const server = new HttpServer({
    listen: [options.tls === undefined ? 'http://127.0.0.1:0' : 'https://127.0.0.1:0'],
    ...(options.tls && { tls: options.tls }),
    trustedProxies: options.trustedProxies ?? [],
    rateLimiters: new RateLimiters({ limits: options.rateLimits ?? {}, enabled: true, metrics }),
    clock: options.clock ?? new SystemClock(),
    logger: createLogger({ level: 'debug', pretty: false, sink: { write: (line) => logLines.push(line), flush() {} } }),
    metrics,
    limits: { checkIntervalMs: 20, stopTimeoutMs: 500, lingerMs: 50, ...options.limits },
    checkResponses: true,
  })
  server.mount<object, TestRequesters>({
    endpoints,
    context: {},
    aliases: options.aliases ?? {},
    authenticators: {
      user(request) {
        const token = request.accessToken()
        if (token === undefined) throw new MatrixError('M_MISSING_TOKEN', 'Missing access token')
        if (!/^[a-z]+$/.test(token)) throw new MatrixError('M_UNKNOWN_TOKEN', 'Unknown access token')
        const userId = `@${token}:localhost`
        return { requester: { userId }, subject: userId }
      },
      /** Asks for the SHA-256 of the body in the access token, where there is a body. */
      async sealed(request) {
        const seal = request.accessToken()
        if (seal === undefined) throw new MatrixError('M_MISSING_TOKEN', 'Missing seal')
        const body = await request.body()
        const expected = body === undefined ? 'none' : createHash('sha256').update(body.bytes).digest('hex')
        if (seal !== expected) throw new MatrixError('M_UNAUTHORIZED', 'Wrong seal')
        return { requester: { seal } }
      },
    },
  })
  await server.start()
  onTestFinished(() => server.stop())
  const url = server.urls[0]!
  return { server, url, port: Number(new URL(url).port), logLines, metrics }
}

/** Calls an endpoint and reads the answer's JSON. */
export async function call(
  url: string,
  init: RequestInit = {},
): Promise<{ status: number; headers: Headers; body: Record<string, unknown> }> {
  const response = await fetch(url, init)
  const text = await response.text()
  return {
    status: response.status,
    headers: response.headers,
    body: (text === '' ? {} : JSON.parse(text)) as Record<string, unknown>,
  }
}
