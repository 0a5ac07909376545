import { describe, expect, it, vi } from 'vitest'
import { AbortListeners } from './abort-listeners.ts'

describe('those who wait for a signal', () => {
  it('are all called when it is aborted, but for those who have gone', () => {
    const listeners = new AbortListeners()
    const [first, second] = [new AbortController(), new AbortController()]
    const listening = vi.spyOn(first.signal, 'addEventListener')
    const called: number[] = []
    const removals = [1, 2, 3].map((n) => listeners.add(first.signal, () => void called.push(n)))
    listeners.add(second.signal, () => void called.push(4))
    removals[1]!()
    first.abort()
    expect(called).toEqual([1, 3])
    second.abort()
    expect(called).toEqual([1, 3, 4])
    expect(listening).toHaveBeenCalledOnce()
  })
})
