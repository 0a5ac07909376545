import { setTimeout } from 'node:timers/promises'
import { TestServer } from '@hearth/test-kit'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { FoundingClient, roomPath } from './founding-client.ts'

describe('the rate limits of the founding API', () => {
  let server: TestServer

  beforeAll(async () => {
    server = await TestServer.start({ settings: { HEARTH_RATE_LIMITS_ENABLED: 'true' } })
  })
  afterAll(() => server.stop())

  it('[C-149] [C-150] [C-151] [C-152] refuse a burst, say how long to wait, and let in who has waited', async () => {
    const alice = await FoundingClient.register(server, 'alice')
    const bob = await FoundingClient.register(server, 'bob')
    const roomId = await alice.createRoom({ visibility: 'public' })
    await bob.join(roomId)
    const send = (client: FoundingClient) =>
      client.request('POST', roomPath(roomId, 'send', 'm.room.message'), { body: { msgtype: 'm.text', body: 'x' } })
    const answers = await Promise.all(Array.from({ length: 500 }, () => send(alice)))
    const refused = answers.filter(({ status }) => status !== 200)
    // The burst is let through, and a little more for as long as it takes.
    expect(answers.length - refused.length).toBeGreaterThanOrEqual(100)
    expect(refused.length).toBeGreaterThan(0)
    for (const { status, body } of refused) {
      expect([status, body]).toEqual([
        429,
        {
          errcode: 'M_LIMIT_EXCEEDED',
          error: expect.any(String) as string,
          retry_after_ms: expect.any(Number) as number,
        },
      ])
    }
    // Each user has a bucket of their own.
    expect((await send(bob)).status).toBe(200)
    const wait = refused.at(-1)!.body['retry_after_ms'] as number
    expect(Number.isInteger(wait) && wait > 0).toBe(true)
    await setTimeout(wait)
    expect((await send(alice)).status).toBe(200)
  })
})
