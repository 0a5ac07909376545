import { Metrics } from '@hearth/runtime'
import { describe, expect, it } from 'vitest'
import { LazyMembers } from './lazy-members.ts'

const phone = 1
const laptop = 2

describe('LazyMembers', () => {
  const members = (maxBytes = 1_000_000) => new LazyMembers({ maxBytes, metrics: new Metrics() })

  it('counts a member event as received once the device shows the token of the answer that carried it', () => {
    const lazy = members()
    lazy.markSent(phone, [7], 10)
    expect(lazy.receivedBy(phone, 10)(7)).toBe(true)
    expect(lazy.receivedBy(phone, 15)(7)).toBe(true)
    expect(lazy.receivedBy(phone, 10)(8)).toBe(false)
    expect(lazy.receivedBy(laptop, 10)(7)).toBe(false)
  })

  it('forgets what an answer carried that was lost, also when a later one arrives', () => {
    const lazy = members()
    lazy.markSent(phone, [7], 10)
    // The device repeats its request, and this time the answer does not carry the member.
    expect(lazy.receivedBy(phone, 5)(7)).toBe(false)
    lazy.markSent(phone, [8], 12)
    const received = lazy.receivedBy(phone, 12)
    expect([7, 8].map(received)).toEqual([false, true])
  })

  it('keeps what came before the lost answer', () => {
    const lazy = members()
    lazy.markSent(phone, [1], 10)
    lazy.markSent(phone, [2], 20)
    lazy.markSent(phone, [3], 30)
    expect([1, 2, 3].map(lazy.receivedBy(phone, 20))).toEqual([true, true, false])
  })

  it('begins anew with a device that shows no token', () => {
    const lazy = members()
    lazy.markSent(phone, [7], 10)
    expect(lazy.receivedBy(phone, undefined)(7)).toBe(false)
    expect(lazy.receivedBy(phone, 20)(7)).toBe(false)
  })

  it('takes a member that was marked out of order for received too late rather than too early', () => {
    const lazy = members()
    lazy.markSent(phone, [1], 20)
    lazy.markSent(phone, [2], 15)
    expect([1, 2].map(lazy.receivedBy(phone, 17))).toEqual([false, false])
  })

  it('forgets the oldest answers of a device that was sent very many members', () => {
    const lazy = members(100_000_000)
    for (let answer = 1; answer <= 3; answer += 1) {
      const nids = Array.from({ length: 10_000 }, (_, index) => answer * 100_000 + index)
      lazy.markSent(phone, nids, answer)
    }
    const received = lazy.receivedBy(phone, 3)
    expect([100_000, 200_000, 309_999].map(received)).toEqual([false, true, true])
  })

  it('forgets the devices that were not seen for longest', () => {
    const lazy = members(1_000)
    for (let device = 1; device <= 20; device += 1) lazy.markSent(device, [7], 10)
    expect(lazy.receivedBy(1, 10)(7)).toBe(false)
    expect(lazy.receivedBy(20, 10)(7)).toBe(true)
  })
})
