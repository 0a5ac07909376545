import { describe, expect, it } from 'vitest'
import { ClientEvent } from '../events/client-event.ts'
import { RoomTimeline, type TimelineEntry } from './room-timeline.ts'

function entry(pos: number): TimelineEntry {
  const event = {
    eventId: `$${pos}` as never,
    pdu: { type: 'm', sender: '@a:b', content: {}, origin_server_ts: 0 } as never,
  }
  return { pos, nid: pos, stateNid: pos, stateBeforeNid: pos - 1, event, client: new ClientEvent(event, '!r:b') }
}

describe('RoomTimeline', () => {
  const timeline = (...positions: number[]) => {
    const made = new RoomTimeline({ completeFrom: 10, maxEntries: 4 })
    for (const pos of positions) made.push(entry(pos))
    return made
  }
  const positions = (entries: readonly TimelineEntry[]) => entries.map(({ pos }) => pos)

  it('gives the events between two positions, the first exclusive and the second inclusive', () => {
    const made = timeline(12, 15, 18)
    expect(positions(made.between(12, 18))).toEqual([15, 18])
    expect(positions(made.between(11, 17))).toEqual([12, 15])
    expect(positions(made.between(18, 30))).toEqual([])
  })

  it('drops the oldest in strides, and says from where on it is whole', () => {
    const made = timeline(11, 12, 13, 14, 15, 16, 17, 18)
    expect(made.completeFrom).toBe(14)
    expect(positions(made.between(14, 20))).toEqual([15, 16, 17, 18])
  })

  it('knows the state at a position from the event before it or the one after', () => {
    const made = timeline(12, 15)
    expect(made.stateNidAt(14)).toBe(12)
    expect(made.stateNidAt(15)).toBe(15)
    expect(made.stateNidAt(11)).toBe(11)
    expect(made.stateNidAt(9)).toBeUndefined()
  })

  it('weighs nothing when it is empty', () => {
    const made = timeline(12, 15)
    expect(made.weight).toBeGreaterThan(0)
    made.clear()
    expect(made.weight).toBe(0)
    expect(made.completeFrom).toBe(15)
  })
})
