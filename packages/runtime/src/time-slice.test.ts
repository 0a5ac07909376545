import { describe, expect, it } from 'vitest'
import { FakeClock, SystemClock } from './clock.ts'
import { TimeSlice } from './time-slice.ts'

describe('a time slice', () => {
  it('is over after ten milliseconds, and another begins with a rest', async () => {
    const clock = new FakeClock()
    const slice = new TimeSlice(clock)
    await clock.advance(9)
    expect(slice.isOver).toBe(false)
    await clock.advance(1)
    expect(slice.isOver).toBe(true)
    await slice.rest()
    expect(slice.isOver).toBe(false)
  })

  it('lets timers and connections have their turn', async () => {
    let hadTurn = false
    setTimeout(() => (hadTurn = true), 0)
    const slice = new TimeSlice(new SystemClock())
    const end = performance.now() + 100
    while (performance.now() < end && !hadTurn) if (slice.isOver) await slice.rest()
    expect(hadTurn).toBe(true)
  })
})
