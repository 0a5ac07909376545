import { positionOfToken, TestServer, type TestClient } from '@hearth/test-kit'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { gist, joinedRoom, withFilter } from './answer-parts.ts'

describe('the tokens of /sync', () => {
  let server: TestServer
  let alice: TestClient
  let bob: TestClient
  let roomId: string

  beforeAll(async () => {
    server = await TestServer.start()
    alice = await server.register('alice')
    bob = await server.register('bob')
    roomId = await alice.createRoom({ preset: 'public_chat' })
    await bob.join(roomId)
  })
  afterAll(() => server.stop())

  const millisecondsOf = async (work: () => Promise<unknown>) => {
    const start = performance.now()
    await work()
    return performance.now() - start
  }

  it('are answered at once when there is nothing to wait for: without a timeout, with 0, and with full_state', async () => {
    const { next_batch: since } = await bob.sync()
    for (const query of [{ since }, { since, timeout: 0 }, { since, timeout: 30_000, full_state: true }]) {
      expect(await millisecondsOf(() => bob.sync(query))).toBeLessThan(5_000)
    }
  })

  it('move on with what happens elsewhere, without waking anybody', async () => {
    const carol = await server.register('carol')
    const { next_batch: since } = await carol.sync()
    const waiting = carol.sync({ since, timeout: 300 })
    await alice.sendText(roomId, 'none of her business')
    const { next_batch: next, ...rest } = await waiting
    expect(rest).toEqual({})
    expect(positionOfToken(next)).toBeGreaterThan(positionOfToken(since))
  })

  it('give the same answer again while nothing happens, and more after', async () => {
    const { next_batch: since } = await bob.sync()
    await alice.sendText(roomId, 'one')
    const texts = async () => gist(joinedRoom(await bob.sync({ since }), roomId)?.timeline.events)
    expect(await texts()).toEqual(['one'])
    expect(await texts()).toEqual(['one'])
    await alice.sendText(roomId, 'two')
    expect(await texts()).toEqual(['one', 'two'])
  })

  it('survive a restart', async () => {
    const { next_batch: since } = await bob.sync()
    await alice.sendText(roomId, 'before the restart')
    await server.restart()
    await alice.sendText(roomId, 'after the restart')
    const room = joinedRoom(await bob.sync({ since }), roomId)
    expect(gist(room?.timeline.events)).toEqual(['before the restart', 'after the restart'])
    expect(room?.state?.events).toEqual([])
  })

  it('from before a database was restored, ahead of the stream, give everything anew', async () => {
    const answer = await bob.sync({ since: 's99999999', timeout: 30_000 })
    expect(positionOfToken(answer.next_batch)).toBeLessThan(99_999_999)
    expect(joinedRoom(answer, roomId)?.timeline.limited).toBe(true)
    expect(joinedRoom(answer, roomId)?.timeline.events.length).toBeGreaterThan(0)
  })

  it('of another process are as good as its own', async () => {
    await using second = await TestServer.start({ database: server.database })
    const elsewhere = bob.at(second.url)
    await elsewhere.sync()
    for (let n = 0; n < 5; n += 1) {
      const since = (await bob.sync()).next_batch
      await alice.sendText(roomId, `here ${n}`)
      const here = await bob.sync({ since })
      // The other process has not heard of these yet.
      expect(gist(joinedRoom(await elsewhere.sync({ since: here.next_batch }), roomId)?.timeline.events)).toEqual([])
      const { chunk } = await elsewhere.get(`rooms/${encodeURIComponent(roomId)}/messages`, {
        dir: 'b',
        from: here.next_batch,
        limit: 1,
      })
      expect(chunk).toMatchObject([{ content: { body: `here ${n}` } }])
      await alice.at(second.url).sendText(roomId, `there ${n}`)
      const there = await elsewhere.sync({ since: here.next_batch })
      expect(gist(joinedRoom(there, roomId)?.timeline.events)).toEqual([`there ${n}`])
      expect(
        gist(joinedRoom(await bob.sync({ since: here.next_batch, timeout: 10_000 }), roomId)?.timeline.events),
      ).toEqual([`there ${n}`])
    }
  })

  it('wake those who wait at one process when another one writes', async () => {
    await using second = await TestServer.start({ database: server.database })
    const { next_batch: since } = await bob.sync()
    const waiting = bob.sync({ since, timeout: 30_000 })
    await alice.at(second.url).sendText(roomId, 'from afar')
    expect(gist(joinedRoom(await waiting, roomId)?.timeline.events)).toEqual(['from afar'])
  })

  it('page back from where a timeline begins: no overlap, no hole, in both directions', async () => {
    const { next_batch: since } = await bob.sync()
    const sent: string[] = []
    for (let n = 0; n < 30; n += 1) sent.push(await alice.sendText(roomId, `m${n}`))
    const answer = await bob.sync({ since, ...withFilter({ room: { timeline: { limit: 7 } } }) })
    const { timeline } = joinedRoom(answer, roomId)!
    const idsOf = (events: readonly { event_id?: unknown }[]) => events.map(({ event_id: id }) => id)
    const page = async (query: Record<string, string | number>) => {
      const path = `rooms/${encodeURIComponent(roomId)}/messages`
      return (await bob.get(path, query)) as unknown as { chunk: { event_id: string }[]; end?: string }
    }
    const back: unknown[] = []
    for (let from: string | undefined = timeline.prev_batch; from !== undefined;) {
      const { chunk, end } = await page({ dir: 'b', from, to: since, limit: 4 })
      back.unshift(...idsOf(chunk).reverse())
      from = end
    }
    expect([...back, ...idsOf(timeline.events)]).toEqual(sent)
    const forth = await page({ dir: 'f', from: since, to: timeline.prev_batch, limit: 100 })
    expect(idsOf(forth.chunk)).toEqual(back)
    const later = await page({ dir: 'f', from: answer.next_batch, limit: 100 })
    expect(later).toEqual({ start: answer.next_batch.split('_')[0], chunk: [] })
  })
})
