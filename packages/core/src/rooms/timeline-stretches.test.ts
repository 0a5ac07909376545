import { positionsOfGap } from '@hearth/store'
import { describe, expect, it } from 'vitest'
import { timelineStretches } from './timeline-stretches.ts'

const gaps = [
  { number: 2, beforePos: 500 },
  { number: 1, beforePos: 200 },
]
const whole = (gap: number) => {
  const { lowest, highest } = positionsOfGap(gap)
  return { after: lowest - 1, upTo: highest, gap }
}
const past = whole(0)

describe('the stretches of a timeline', () => {
  it('are one and the past before it, where nothing is missing in between', () => {
    expect(timelineStretches([], { lastPos: 900 })).toEqual([{ after: 0, upTo: 900 }, past])
  })

  it('have what fills a gap between what came live before and after it', () => {
    expect(timelineStretches(gaps, { lastPos: 900 })).toEqual([
      { after: 499, upTo: 900 },
      whole(2),
      { after: 199, upTo: 499 },
      whole(1),
      { after: 0, upTo: 199 },
      past,
    ])
  })

  it('begin behind the gap for whoever has read the event after it', () => {
    expect(timelineStretches(gaps, { upTo: 499, lastPos: 900 }).slice(0, 2)).toEqual([
      { after: 499, upTo: 499 },
      whole(2),
    ])
    expect(timelineStretches(gaps, { upTo: 498, lastPos: 900 }).slice(0, 2)).toEqual([
      { after: 199, upTo: 498 },
      whole(1),
    ])
    expect(timelineStretches(gaps, { after: 499, lastPos: 900 })).toEqual([{ after: 499, upTo: 900 }])
  })

  it('can be cut within a gap', () => {
    const { highest } = positionsOfGap(2)
    expect(timelineStretches(gaps, { upTo: highest - 5, lastPos: 900 })[0]).toEqual({ ...whole(2), upTo: highest - 5 })
    expect(timelineStretches(gaps, { after: highest - 5, lastPos: 900 }).at(-1)).toEqual({
      ...whole(2),
      after: highest - 5,
    })
    const bottom = whole(2).after
    expect(timelineStretches(gaps, { after: bottom, lastPos: 900 }).at(-1)).toEqual(whole(2))
    expect(timelineStretches(gaps, { upTo: bottom, lastPos: 900 })[0]).toEqual({ ...whole(2), upTo: bottom })
  })

  it('hold nothing of a gap that lies behind what may be read', () => {
    expect(timelineStretches(gaps, { lastPos: 499 })[0]).toEqual({ after: 199, upTo: 499 })
    expect(timelineStretches(gaps, { upTo: positionsOfGap(2).highest, lastPos: 300 })[0]).toEqual({
      after: 199,
      upTo: 300,
    })
  })
})
