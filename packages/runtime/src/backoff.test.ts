import { describe, expect, it, vi } from 'vitest'
import { backoffDelay, retry } from './backoff.ts'
import { FakeClock } from './clock.ts'

describe('the delay before another attempt', () => {
  it.each([
    [0, 0, 50],
    [0, 0.999, 100],
    [3, 0, 400],
    [3, 0.999, 800],
    [20, 0.999, 5_000],
    [5_000, 0.5, 3_750],
  ])('of number %i with the dice at %f is about %i ms', (attempt, dice, expected) => {
    const delay = backoffDelay(attempt, { baseMs: 100, maxMs: 5_000, random: () => dice })
    expect(Math.abs(delay - expected)).toBeLessThan(5)
  })
})

describe('retrying', () => {
  const options = { baseMs: 100, maxMs: 1_000, random: () => 0.999 }

  it('goes on until it succeeds', async () => {
    const clock = new FakeClock()
    const onRetry = vi.fn()
    const result = retry(
      async (attempt) => {
        if (attempt < 2) throw new Error(`failure ${attempt}`)
        return 'done'
      },
      { ...options, clock, onRetry },
    )
    await clock.advance(100)
    await clock.advance(200)
    expect(await result).toBe('done')
    expect(onRetry.mock.calls.map(([error, attempt]) => [(error as Error).message, attempt as number])).toEqual([
      ['failure 0', 0],
      ['failure 1', 1],
    ])
  })

  it('gives up after so many attempts, with the last error', async () => {
    const clock = new FakeClock()
    const result = retry(
      async (attempt) => {
        throw new Error(`failure ${attempt}`)
      },
      { ...options, clock, attempts: 2 },
    )
    const refused = expect(result).rejects.toThrow('failure 1')
    await clock.advance(100)
    await refused
  })

  it('does not repeat what is not worth it', async () => {
    const work = vi.fn(async () => {
      throw new Error('no use')
    })
    await expect(retry(work, { ...options, clock: new FakeClock(), retryable: () => false })).rejects.toThrow('no use')
    expect(work).toHaveBeenCalledOnce()
  })

  it('ends with its signal', async () => {
    const controller = new AbortController()
    const result = retry(
      async () => {
        throw new Error('failure')
      },
      { ...options, clock: new FakeClock(), signal: controller.signal },
    )
    setImmediate(() => controller.abort(new Error('stop')))
    await expect(result).rejects.toThrow('stop')
  })
})
