import { describe, expect, it, vi } from 'vitest'
import { FakeClock, MAX_TIMER_MS, SystemClock } from './clock.ts'

describe('a fake clock', () => {
  it('stands still until it is told to go on', async () => {
    const clock = new FakeClock(1000)
    await clock.advance(250)
    expect([clock.now(), clock.monotonic()]).toEqual([1250, 250])
  })

  it('fires timers in order, each at its own moment', async () => {
    const clock = new FakeClock()
    const fired: [string, number][] = []
    clock.setTimer(20, () => fired.push(['b', clock.monotonic()]))
    clock.setTimer(10, () => {
      fired.push(['a', clock.monotonic()])
      clock.setTimer(5, () => fired.push(['nested', clock.monotonic()]))
    })
    await clock.advance(30)
    expect(fired).toEqual([
      ['a', 10],
      ['nested', 15],
      ['b', 20],
    ])
    expect(clock.pendingTimers).toBe(0)
  })

  it('does not fire a cancelled timer', async () => {
    const clock = new FakeClock()
    const callback = vi.fn()
    clock.setTimer(10, callback).cancel()
    await clock.advance(20)
    expect(callback).not.toHaveBeenCalled()
  })

  it('[SEC-260] keeps timers and durations when the wall clock jumps', async () => {
    const clock = new FakeClock(1_000_000)
    const callback = vi.fn()
    clock.setTimer(100, callback)
    clock.jump(8 * 24 * 3_600_000)
    clock.jump(-24 * 3_600_000)
    await clock.advance(99)
    expect(callback).not.toHaveBeenCalled()
    await clock.advance(1)
    expect(callback).toHaveBeenCalledOnce()
    expect(clock.monotonic()).toBe(100)
  })

  it('lets those who sleep wait for their time', async () => {
    const clock = new FakeClock()
    const awake = vi.fn()
    void clock.sleep(10).then(awake)
    await clock.advance(9)
    expect(awake).not.toHaveBeenCalled()
    await clock.advance(1)
    expect(awake).toHaveBeenCalledOnce()
  })
})

describe.each([
  ['the system clock', () => new SystemClock()],
  ['a fake clock', () => new FakeClock()],
])('%s', (_, create) => {
  it('wakes those who sleep when their signal is aborted', async () => {
    const controller = new AbortController()
    const sleeping = create().sleep(60_000, controller.signal)
    controller.abort(new Error('enough'))
    await expect(sleeping).rejects.toThrow('enough')
  })

  it('does not let anybody sleep whose signal is aborted already', async () => {
    await expect(create().sleep(60_000, AbortSignal.abort(new Error('never')))).rejects.toThrow('never')
  })

  it('turns a reason that is no error into one', async () => {
    await expect(create().sleep(60_000, AbortSignal.abort('text'))).rejects.toThrow('aborted')
  })
})

describe('the system clock', () => {
  it('tells the time', async () => {
    const clock = new SystemClock()
    const [wall, start] = [clock.now(), clock.monotonic()]
    await clock.sleep(5)
    expect(clock.monotonic() - start).toBeGreaterThanOrEqual(4)
    expect(Math.abs(wall - Date.now())).toBeLessThan(5_000)
  })

  it('does not fire at once what is further away than timers reach', async () => {
    const callback = vi.fn()
    const timer = new SystemClock().setTimer(MAX_TIMER_MS * 2, callback)
    await new SystemClock().sleep(5)
    timer.cancel()
    expect(callback).not.toHaveBeenCalled()
  })
})
