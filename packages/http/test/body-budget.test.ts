import { s } from '@hearth/protocol'
import { describe, expect, it } from 'vitest'
import { RawConnection } from './raw-connection.ts'
import { call, endpoint, serve } from './test-server.ts'

const put = endpoint({
  method: 'PUT',
  path: '/put',
  auth: 'none',
  body: s.record(s.unknown),
  response: s.object({}),
  handle: () => ({}),
})

const head = (address: string, length: number) =>
  `PUT /put HTTP/1.1\r\nHost: x\r\nX-Forwarded-For: ${address}\r\nContent-Length: ${length}\r\n\r\n`

describe('the memory that bodies take', () => {
  const limits = { maxBodiesBytes: 10_000, maxBodiesBytesPerAddress: 4_000 }

  it('is bounded for an address that sends many at once and finishes none', async () => {
    const { port, url } = await serve({ put }, { limits, trustedProxies: ['127.0.0.1'] })
    const slow = await Promise.all([1, 2, 3].map(() => RawConnection.open(port)))
    for (const connection of slow.slice(0, 2)) connection.send(head('192.0.2.1', 3_000) + ' '.repeat(1_990))
    // All that has been sent is taken before what comes behind it.
    await settled(url)
    slow[2]!.send(head('192.0.2.1', 3_000) + ' '.repeat(2_000))
    expect((await slow[2]!.response()).status).toBe(429)
    const other = {
      method: 'PUT',
      body: JSON.stringify({ x: 'x'.repeat(3_000) }),
      headers: { 'x-forwarded-for': '192.0.2.2' },
    }
    expect((await call(`${url}/put`, other)).status).toBe(200)
    // What is given up is given back.
    for (const connection of slow) connection.socket.destroy()
    const again = { ...other, headers: { 'x-forwarded-for': '192.0.2.1' } }
    while ((await call(`${url}/put`, again)).status === 429) await settled(url)
  })

  it('is bounded for all together', async () => {
    const { port, url } = await serve({ put }, { limits, trustedProxies: ['127.0.0.1'] })
    const slow = await Promise.all([1, 2, 3].map(() => RawConnection.open(port)))
    slow.forEach((connection, index) => connection.send(head(`192.0.2.${index}`, 5_000) + ' '.repeat(3_300)))
    await settled(url)
    const body = JSON.stringify({ x: 'x'.repeat(3_000) })
    const send = () => call(`${url}/put`, { method: 'PUT', body, headers: { 'x-forwarded-for': '192.0.2.9' } })
    expect((await send()).status).toBe(429)
    slow[0]!.socket.destroy()
    while ((await send()).status === 429) await settled(url)
    for (const connection of slow) connection.socket.destroy()
  })

  it('is given back after each request', async () => {
    const { url } = await serve({ put }, { limits })
    const body = JSON.stringify({ x: 'x'.repeat(3_000) })
    for (let i = 0; i < 10; i++) expect((await call(`${url}/put`, { method: 'PUT', body })).status).toBe(200)
    for (let i = 0; i < 10; i++)
      expect((await call(`${url}/put`, { method: 'PUT', body: `${body}x` })).status).toBe(400)
    expect((await call(`${url}/put`, { method: 'PUT', body })).status).toBe(200)
  })
})

/** Waits until the server has had its turn with what came before. */
async function settled(url: string): Promise<void> {
  for (let i = 0; i < 20; i++)
    await call(`${url}/put`, { method: 'PUT', body: '{}', headers: { 'x-forwarded-for': '192.0.2.50' } })
}
