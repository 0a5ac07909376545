import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { mkdtemp, readdir, rm } from 'node:fs/promises'
import { request, type RequestOptions } from 'node:https'
import type { IncomingMessage } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import { text } from 'node:stream/consumers'
import { setTimeout as sleep } from 'node:timers/promises'
import { createTestDatabase, NginxProcess, ServerProcess, TestCa, type TestClient } from '@hearth/test-kit'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'

const MiB = 1024 * 1024
const fileBytes = 100 * MiB
/** Longer than any proxy waits that was not told to. */
const parkedMs = 130_000

const stack = new AsyncDisposableStack()
let ca: TestCa
let nginx: NginxProcess
let media: string
let alice: TestClient

beforeAll(async () => {
  ca = stack.use(await TestCa.create())
  stack.use(ca.trust())
  nginx = stack.use(await NginxProcess.start({ certificate: await ca.issue(['localhost', '127.0.0.1', '::1']) }))
  media = await mkdtemp(join(tmpdir(), 'hearth-nginx-media-'))
  stack.defer(() => rm(media, { recursive: true, force: true }))
  const database = stack.use(await createTestDatabase())
  const settings = { HEARTH_PUBLIC_URL: nginx.url, HEARTH_MEDIA_DIRECTORY: media }
  const server = stack.use(await ServerProcess.start({ settings, database }))
  await nginx.leadTo([server.url])
  alice = (await server.register('alice')).at(nginx.url)
})
afterAll(() => stack.disposeAsync())

const chunk = randomBytes(64 * 1024)

/** So many bytes, as fast as they are taken. */
function bytes(count: number): Readable {
  const pieces = (function* () {
    for (let left = count; left > 0; left -= chunk.length) yield chunk.subarray(0, left)
  })()
  return Readable.from(pieces, { objectMode: false })
}

function ask(url: string, path: string, options: RequestOptions = {}) {
  const headers = { authorization: `Bearer ${alice.accessToken}`, ...options.headers }
  return request(`${url}${path}`, { ca: ca.certificate, agent: false, ...options, headers })
}

async function upload(url: string, headers: RequestOptions['headers'] = {}): Promise<string> {
  const sending = ask(url, '/_matrix/media/v3/upload', { method: 'POST', headers })
  bytes(fileBytes).pipe(sending)
  const [answer] = (await once(sending, 'response')) as [IncomingMessage]
  const body = await text(answer)
  expect(answer.statusCode, body).toBe(200)
  return (JSON.parse(body) as { content_uri: string }).content_uri.slice('mxc://'.length)
}

async function download(url: string, path: string): Promise<IncomingMessage> {
  const asking = ask(url, `/_matrix/client/v1/media/download/${path}`)
  asking.end()
  const [answer] = (await once(asking, 'response')) as [IncomingMessage]
  return answer
}

/** Files that are still arriving. */
const arriving = (): Promise<string[]> => readdir(join(media, 'incoming')).catch(() => [])

describe('what takes long behind nginx', () => {
  it('a file of 100 MB goes in and out, over IPv4 and IPv6, with its length told before or not', async () => {
    for (const [to, from, headers] of [
      [nginx.url, nginx.ipv6Url, { 'content-length': fileBytes }],
      [nginx.ipv6Url, nginx.url, {}],
    ] as const) {
      const answer = await download(from, await upload(to, headers))
      expect(answer.headers['content-length']).toBe(String(fileBytes))
      let length = 0
      for await (const part of answer) length += (part as Buffer).length
      expect(length).toBe(fileBytes)
    }
    expect(nginx.errors).not.toContain('buffered to a temporary file')
  })

  it('a client that dies in the middle of a file leaves nothing of it, and others go on', async () => {
    const sending = ask(nginx.url, '/_matrix/media/v3/upload', {
      method: 'POST',
      headers: { 'content-length': fileBytes },
    }).on('error', () => undefined)
    bytes(10 * MiB).pipe(sending, { end: false })
    await expect.poll(async () => (await arriving()).length, { timeout: 60_000 }).toBe(1)
    sending.destroy()
    await expect.poll(arriving, { timeout: 60_000 }).toEqual([])

    const path = await upload(nginx.url)
    const reading = await download(nginx.url, path)
    await once(reading, 'data')
    reading.destroy()
    expect((await download(nginx.url, path)).statusCode).toBe(200)
  })

  it('a sync waits for more than two minutes and is then told at once', async () => {
    const room = await alice.createRoom()
    const { next_batch: since } = await alice.sync()
    const waiting = alice.request('GET', 'sync', { query: { since, timeout: 10 * 60_000, set_presence: 'offline' } })
    const first = await Promise.race([waiting.then(() => 'answered'), sleep(parkedMs, 'parked')])
    expect(first).toBe('parked')
    const event = await alice.sendText(room, 'good morning')
    const { status, text: body } = await waiting
    expect([status, body.includes(event)]).toEqual([200, true])
  })
})
