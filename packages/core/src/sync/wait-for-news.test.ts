import { FakeClock } from '@hearth/runtime'
import { describe, expect, it } from 'vitest'
import { waitForNews } from './wait-for-news.ts'
import { Waiters } from './waiters.ts'

describe('waiting for news', () => {
  const setUp = () => ({ clock: new FakeClock(), waiters: new Waiters(), client: new AbortController() })

  it('ends with the news', async () => {
    const { clock, waiters, client } = setUp()
    const wake = waitForNews(clock, [waiters], client.signal)
    const waiting = wake.orTimeout(1_000)
    waiters.wake()
    await waiting
    expect(clock.pendingTimers).toBe(0)
    expect(waiters.size).toBe(0)
  })

  it('is over at once when the news came before the wait', async () => {
    const { clock, waiters, client } = setUp()
    const wake = waitForNews(clock, [waiters], client.signal)
    waiters.wake()
    await wake.orTimeout(1_000)
    expect(clock.pendingTimers).toBe(0)
  })

  it('ends with the time, with one timer and no other', async () => {
    const { clock, waiters, client } = setUp()
    const wake = waitForNews(clock, [waiters], client.signal)
    expect(clock.pendingTimers).toBe(0)
    let isOver = false
    const waiting = wake.orTimeout(1_000).then(() => (isOver = true))
    expect(clock.pendingTimers).toBe(1)
    await clock.advance(999)
    expect(isOver).toBe(false)
    await clock.advance(1)
    await waiting
    wake.cancel()
    expect(waiters.size).toBe(0)
  })

  it('ends when the client goes away, and leaves nothing behind', async () => {
    const { clock, waiters, client } = setUp()
    const wake = waitForNews(clock, [waiters], client.signal)
    const waiting = wake.orTimeout(1_000)
    client.abort()
    await waiting
    wake.cancel()
    expect(clock.pendingTimers).toBe(0)
    expect(waiters.size).toBe(0)
  })

  it('does not begin for a client that has gone', async () => {
    const { clock, waiters, client } = setUp()
    client.abort()
    await waitForNews(clock, [waiters], client.signal).orTimeout(1_000)
    expect(clock.pendingTimers).toBe(0)
  })

  it('looks at several places, and takes back all of its wishes', async () => {
    const { clock, waiters, client } = setUp()
    const others = new Waiters()
    const wake = waitForNews(clock, [waiters, others], client.signal)
    const waiting = wake.orTimeout(1_000)
    others.wake()
    await waiting
    wake.cancel()
    expect([waiters.size, others.size]).toEqual([0, 0])
  })
})

describe('those who wait', () => {
  it('are woken once, and may wait again while they are woken', () => {
    const waiters = new Waiters()
    let calls = 0
    const again = () => {
      calls += 1
      waiters.onNext(again)
    }
    waiters.onNext(again)
    waiters.wake()
    expect(calls).toBe(1)
    waiters.wake()
    expect(calls).toBe(2)
  })
})
