import { describe, expect, it } from 'vitest'
import { packMerge, unpackMerge } from './packed-merge.ts'
import { packAuth, unpackAuth } from './packed-references.ts'

describe('packed auth events', () => {
  it('keeps nids, and counts references within the commit from the position that the event gets', () => {
    // The event at index 3 of a commit whose first position is 100.
    const packed = packAuth([7, -1, 2 ** 40 + 5, -3], 3)
    expect(unpackAuth(packed, 103)).toEqual([7, 100, 2 ** 40 + 5, 102])
  })

  it('refuses a reference to the event itself or to one after it', () => {
    expect(() => packAuth([-4], 3)).toThrow(RangeError)
    expect(() => packAuth([-5], 3)).toThrow(RangeError)
  })
})

describe('packed merges', () => {
  it('keeps set and removed keys, and counts references from the end of the commit', () => {
    const packed = packMerge(
      [
        { typeNid: 2, stateKeyNid: 1000, event: -2 },
        { typeNid: 3, stateKeyNid: 1, event: 55 },
        { typeNid: 9, stateKeyNid: 1, event: null },
      ],
      2,
    )
    expect(unpackMerge(packed, 100 + 2)).toEqual([
      { typeNid: 2, stateKeyNid: 1000, event: 101 },
      { typeNid: 3, stateKeyNid: 1, event: 55 },
      { typeNid: 9, stateKeyNid: 1, event: null },
    ])
  })
})
