import { request } from 'node:http'
import { isJsonObject, type JsonObject, type Schema } from '@hearth/protocol'
import { TestServer, type TestClient } from '@hearth/test-kit'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { endpoints } from '../../src/endpoints.ts'

const long = 'x'.repeat(8_000)

/** Segments of a path as they are sent. */
const segments = ['%00', '%ff', '%zz', '..%2f..%2f', '%F0%9F%90%9F', '__proto__', 'constructor', '%2500', long]
const queryValues = ['', '%00', '-1', '1.5', '1e400', 'null', '%7B%7D', '__proto__', long]
const bodies: readonly (string | Buffer)[] = [
  '',
  'null',
  '[]',
  '"x"',
  '{"a":1,"a":2}',
  '{"__proto__":{"x":1},"constructor":{"prototype":{"x":1}}}',
  '{"a":"\\ud800"}',
  '{"a":"\\u0000"}',
  '{"a":1e400}',
  '{"a":9007199254740993}',
  '{"a":NaN}',
  `{"a":${'['.repeat(20_000)}${']'.repeat(20_000)}}`,
  Buffer.from([0x7b, 0x22, 0x81, 0x22, 0x3a, 0x31, 0x7d]),
]
const values = ['null', '[]', '{}', '""', '-1', '1.5', '9007199254740992', 'true', `"${'x'.repeat(900_000)}"`]

interface Answer {
  readonly status: number
  readonly text: string
}

describe('every endpoint', () => {
  let server: TestServer
  let alice: TestClient
  let room: { readonly roomId: string; readonly eventId: string }

  beforeAll(async () => {
    server = await TestServer.start()
    alice = await server.register('alice')
  })

  afterAll(() => server.stop())

  /** Sends a request as it stands: `fetch` would tidy it up. */
  function send(method: string, target: string, body: string | Buffer | undefined): Promise<Answer> {
    const { promise, resolve, reject } = Promise.withResolvers<Answer>()
    const { hostname, port } = new URL(server.url)
    const headers = {
      authorization: `Bearer ${alice.accessToken}`,
      'content-type': 'application/json',
      // Node leaves it out of a DELETE.
      ...(body !== undefined && { 'content-length': Buffer.byteLength(body) }),
    }
    const sent = request({ hostname, port, method, path: target, headers }, (response) => {
      const chunks: Buffer[] = []
      response.on('data', (chunk: Buffer) => chunks.push(chunk))
      response.on('end', () => resolve({ status: response.statusCode!, text: Buffer.concat(chunks).toString() }))
    })
    sent.on('error', reject)
    sent.end(body)
    return promise
  }

  /** A target at which the endpoint does its work, with one parameter of the path replaced. */
  function targetOf(path: string, replaced?: { readonly name: string; readonly segment: string }): string {
    const known: Readonly<Record<string, string>> = {
      roomId: room.roomId,
      roomIdOrAlias: room.roomId,
      eventId: room.eventId,
      userId: alice.userId,
      roomAlias: '#nowhere:hearth.test',
    }
    return path.replaceAll(/:(\w+)/g, (_, name: string) =>
      name === replaced?.name ? replaced.segment : encodeURIComponent(known[name] ?? 'com.example'),
    )
  }

  /** A refusal says what is wrong, and nothing is ever the server's fault: 502 is that of another, which is not there. */
  async function expectNoFailure(method: string, target: string, body?: string | Buffer): Promise<void> {
    const { status, text } = await send(method, target, body)
    const what = `${method} ${target.slice(0, 200)} ${String(body).slice(0, 100)}: ${status} ${text.slice(0, 200)}`
    expect(status < 500 || status === 502, what).toBe(true)
    if (status < 400) return
    const answer = JSON.parse(text) as JsonObject
    // A request that has to be authorized in stages is answered with them.
    if (status === 401 && isJsonObject(answer['params'])) return
    expect(answer, what).toMatchObject({
      errcode: expect.stringMatching(/^M_/) as string,
      error: expect.any(String) as string,
    })
  }

  it.each(Object.entries(endpoints))('[SEC-17] [SEC-46] [S-37] withstands nonsense: %s', async (_name, endpoint) => {
    const { method } = endpoint
    const path = [endpoint.path].flat()[0]!
    const roomId = await alice.createRoom()
    room = { roomId, eventId: await alice.sendText(roomId, 'hello') }
    const takesBody = endpoint.body !== undefined
    const filler = takesBody ? '{}' : undefined
    const query = Object.keys(propertiesOf(endpoint.query))
    // What waits for news is not to wait.
    const base = targetOf(path) + (query.includes('timeout') ? '?timeout=0&' : '?')

    for (const [, name = ''] of path.matchAll(/:(\w+)/g)) {
      for (const segment of segments) await expectNoFailure(method, targetOf(path, { name, segment }), filler)
    }
    for (const name of query) {
      for (const value of queryValues) await expectNoFailure(method, `${base}${name}=${value}`, filler)
      await expectNoFailure(method, `${base}${name}=0&${name}=0`, filler)
      await expectNoFailure(method, `${base}${name}[]=x&${name}[__proto__]=1`, filler)
    }
    if (takesBody) {
      for (const body of bodies) await expectNoFailure(method, base, body)
      for (const name of Object.keys(propertiesOf(endpoint.body))) {
        for (const value of values) await expectNoFailure(method, base, `{${JSON.stringify(name)}:${value}}`)
      }
    }
    expect(({} as JsonObject)['x']).toBeUndefined()
    // Some of it was a logout.
    if ((await alice.request('GET', 'account/whoami')).status === 401) {
      alice = await server.anonymous.logIn('alice', `alice's password`)
    }
  })
})

function propertiesOf(schema: Schema<unknown> | undefined): object {
  return (schema?.['properties'] as object | undefined) ?? {}
}
