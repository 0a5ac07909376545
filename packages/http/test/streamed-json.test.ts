import { s } from '@hearth/protocol'
import { expect, it } from 'vitest'
import { streamedJson } from '../src/index.ts'
import { RawConnection } from './raw-connection.ts'
import { call, endpoint, serve } from './test-server.ts'

const piece = `"${'x'.repeat(64 * 1024)}"`

/** An endpoint at `/text` whose answer has these pieces. */
function answering(pieces: () => AsyncIterable<string>) {
  return endpoint({
    method: 'GET',
    path: '/text',
    auth: 'none',
    response: s.array(s.string),
    handle: () => streamedJson(pieces()),
  })
}

it('sends a long text in pieces', async () => {
  const { url } = await serve({
    text: answering(async function* () {
      yield '['
      for (let n = 0; n < 40; n += 1) yield `${n > 0 ? ',' : ''}${piece}`
      yield ',"é"]'
    }),
  })
  const response = await fetch(`${url}/text`)
  expect(response.headers.get('content-length')).toBeNull()
  expect(response.headers.get('content-type')).toBe('application/json')
  const list = (await response.json()) as string[]
  expect([list.length, list.at(-1)]).toEqual([41, 'é'])
})

it('sends a short text whole', async () => {
  const { url } = await serve({
    text: answering(async function* () {
      yield '["a"'
      yield ',"b"]'
    }),
  })
  const response = await fetch(`${url}/text`)
  expect(response.headers.get('content-length')).toBe('9')
  expect(await response.json()).toEqual(['a', 'b'])
})

it('answers with an error what fails at the beginning', async () => {
  const { url } = await serve({
    text: answering(async function* () {
      yield '['
      throw new Error('the database is away')
    }),
  })
  expect((await call(`${url}/text`)).status).toBe(500)
})

it('cuts the connection over what fails in the middle', async () => {
  const { url, logLines } = await serve({
    text: answering(async function* () {
      yield '['
      for (let n = 0; n < 10; n += 1) yield `${piece},`
      throw new Error('the database is away')
    }),
  })
  const response = await fetch(`${url}/text`)
  expect(response.status).toBe(200)
  await expect(response.text()).rejects.toThrow()
  expect(logLines.join('\n')).toContain('the database is away')
})

it('makes no more than the client takes, and stops when it has gone', async () => {
  let made = 0
  let ended = false
  const { port } = await serve({
    text: answering(async function* () {
      try {
        for (;;) {
          made += 1
          yield piece
        }
      } finally {
        ended = true
      }
    }),
  })
  const connection = await RawConnection.open(port)
  connection.socket.pause()
  connection.send('GET /text HTTP/1.1\r\nHost: x\r\n\r\n')
  let before: number
  do {
    before = made
    await new Promise((resolve) => setTimeout(resolve, 50))
  } while (made > before)
  expect(made * piece.length).toBeLessThan(32 * 1024 * 1024)
  connection.socket.destroy()
  await expect.poll(() => ended).toBe(true)
})
