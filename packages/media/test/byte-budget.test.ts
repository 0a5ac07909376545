import type { Clock } from '@hearth/runtime'
import { SystemClock } from '@hearth/runtime'
import { expect, it } from 'vitest'
import { ByteBudget } from '../src/index.ts'

class StillClock extends SystemClock implements Clock {
  at = 0
  override monotonic(): number {
    return this.at
  }
}

const MiB = 1024 * 1024

it('[S-60] [M-04] lets each fetch so many bytes at once, and then as many as leak away', () => {
  const clock = new StillClock()
  const budget = new ByteBudget({ burst: 512 * MiB, perSecond: MiB / 2, enabled: true, clock })
  // 1 GB in a minute, in files of 50 MB.
  let refusedAt = 0
  for (let file = 1; file <= 20 && refusedAt === 0; file += 1) {
    clock.at = file * 3_000
    try {
      budget.check('alice')
      budget.take('alice', 50 * MiB)
    } catch (error) {
      expect(error).toMatchObject({ status: 429, errcode: 'M_LIMIT_EXCEEDED' })
      refusedAt = file
    }
  }
  expect(refusedAt).toBe(12)
  expect(() => budget.check('bob')).not.toThrow()
  clock.at += 200_000
  expect(() => budget.check('alice')).not.toThrow()
})

it('lets everybody fetch everything where limits are off', () => {
  const budget = new ByteBudget({ burst: 1, perSecond: 1, enabled: false, clock: new StillClock() })
  budget.take('alice', 1_000)
  expect(() => budget.check('alice')).not.toThrow()
})
