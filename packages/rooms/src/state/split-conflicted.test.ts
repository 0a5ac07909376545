import { describe, expect, it } from 'vitest'
import { roomVersions } from '../room-versions.ts'
import { splitConflicted } from './split-conflicted.ts'

const states = [
  new Map([['same', 1], ['other', 2], ['once', 3], ['twice', 4]]),
  new Map([['same', 1], ['other', 5], ['twice', 4]]),
  new Map([['same', 1], ['other', 2]]),
] // prettier-ignore

describe('splitting states', () => {
  it('counts missing keys as conflicts in algorithm v2', () => {
    const split = splitConflicted(roomVersions[2], states)
    expect([...split.unconflictedState]).toEqual([['same', 1]])
    expect(split.conflicted.map((ids) => [...ids].sort())).toEqual([[2, 3, 4], [4, 5], [2]])
    expect([...split.unconflicted]).toEqual([1])
  })

  it('does not in algorithm v1', () => {
    const split = splitConflicted(roomVersions[1], states)
    expect(Object.fromEntries(split.unconflictedState)).toEqual({ same: 1, once: 3, twice: 4 })
    expect(split.conflicted).toEqual([[2], [5], [2]])
  })
})
