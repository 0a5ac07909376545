import { expect, it } from 'vitest'
import { RateLimiters } from '../src/index.ts'

const limits = { guesses: { perSecond: 0.001, burst: 3, by: 'address' } } as const

async function passes(limiters: RateLimiters<'guesses'>, key: string): Promise<number> {
  for (let count = 0; ; count++) {
    try {
      await limiters.count('guesses', key)
    } catch {
      return count
    }
  }
}

it('counts that are given back are had again, one for one', async () => {
  const limiters = new RateLimiters({ limits, enabled: true })
  for (let i = 0; i < 20; i++) {
    await limiters.count('guesses', 'a')
    await limiters.giveBack('guesses', 'a')
  }
  expect(await passes(limiters, 'a')).toBe(3)
  await limiters.giveBack('guesses', 'a')
  expect(await passes(limiters, 'a')).toBe(1)
  for (let i = 0; i < 10; i++) await limiters.giveBack('guesses', 'a')
  expect(await passes(limiters, 'a')).toBe(3)
})

it('giving back to a key that was not counted, or to limits that are off, does nothing', async () => {
  const limiters = new RateLimiters({ limits, enabled: true })
  await limiters.giveBack('guesses', 'new')
  expect(await passes(limiters, 'new')).toBe(3)
  await new RateLimiters({ limits, enabled: false }).giveBack('guesses', 'a')
})
