import type { JsonObject } from '@hearth/protocol'
import { describe, expect, it } from 'vitest'
import { TestRoom, versionIds, versionsBetween, type TestEvent } from '../../test/test-room.ts'
import type { RoomVersionId } from '../room-versions.ts'

const alice = '@alice:hs1'

function createRule(id: RoomVersionId, content: JsonObject, fields: Partial<TestEvent> = {}): string {
  const room = new TestRoom(id)
  const creator = Number(id) < 11 ? { creator: alice } : {}
  const event = { type: 'm.room.create', sender: alice, state_key: '', prev_events: [], ...fields }
  return room.rule({ ...event, content: { ...creator, ...content } })
}

describe.each(versionIds)('m.room.create in room version %s', (id) => {
  it('is allowed', () => {
    expect(createRule(id, { room_version: id })).toBe('allowed')
  })

  it('is refused with previous events (1.1)', () => {
    const room = new TestRoom(id)
    expect(createRule(id, {}, { prev_events: [room.reference('$1')] })).toBe('1.1')
  })

  it('is refused with a room version that is not known (1.3)', () => {
    expect(createRule(id, { room_version: 'toString' })).toBe('1.3')
    expect(createRule(id, { room_version: 11 })).toBe('1.3')
    expect(createRule(id, {})).toBe('allowed')
  })
})

describe.each(versionsBetween(1, 11))('m.room.create in room version %s', (id) => {
  it("is refused in a room of another server than the sender's (1.2)", () => {
    expect(createRule(id, {}, { room_id: '!room:hs2' })).toBe('1.2')
    expect(createRule(id, {}, { room_id: '!room' })).toBe('1.2')
  })
})

describe.each(versionsBetween(1, 10))('m.room.create in room version %s', (id) => {
  it('is refused without a creator (1.4)', () => {
    const content = { creator: undefined } as JsonObject
    expect(createRule(id, content)).toBe('1.4')
  })
})

describe('m.room.create in room version 11', () => {
  it('needs no creator', () => {
    expect(createRule('11', {})).toBe('allowed')
  })

  it('does not look at additional creators', () => {
    expect(createRule('11', { additional_creators: 'nonsense' })).toBe('allowed')
  })
})

describe('m.room.create in room version 12', () => {
  it('is refused with a room id (1.2)', () => {
    expect(createRule('12', {}, { room_id: '!room:hs1' })).toBe('1.2')
  })

  it('[SEC-246] is refused with additional creators that are no user ids (1.4)', () => {
    for (const creators of ['@bob:hs1', [1], ['bob'], ['@bob:hs1', '!room:hs1'], { 0: '@bob:hs1' }, null]) {
      expect(createRule('12', { additional_creators: creators })).toBe('1.4')
    }
    expect(createRule('12', { additional_creators: [] })).toBe('allowed')
    expect(createRule('12', { additional_creators: ['@bob:hs1', '@carol:hs2'] })).toBe('allowed')
  })
})
