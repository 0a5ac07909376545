import { describe, expect, it } from 'vitest'
import { TestRoom, versionIds } from '../../test/test-room.ts'
import { RoomStateView } from './room-state-view.ts'

const [alice, bob, carol] = ['@alice:hs1', '@bob:hs1', '@carol:hs1'] as const

function viewOf(room: TestRoom): RoomStateView {
  return new RoomStateView({ version: room.version, state: room.state })
}

describe.each(versionIds)('the room of version %s', (id) => {
  it('[S-06] has the defaults of a room without power levels', () => {
    const { powerLevels } = viewOf(new TestRoom(id))
    expect(powerLevels.of(alice)).toBe(id === '12' ? Infinity : 100)
    expect(powerLevels.of(bob)).toBe(0)
    expect(powerLevels.toSend('m.room.name', 'state')).toBe(50)
    expect(powerLevels.toSend('m.room.message', 'message')).toBe(0)
    expect(powerLevels.toNotify('room')).toBe(50)
    expect(['ban', 'kick', 'redact', 'invite'].map((name) => powerLevels.level(name as 'ban'))).toEqual([50, 50, 50, 0])
  })

  it('has the defaults of empty power levels', () => {
    const room = new TestRoom(id)
    room.powerLevels({})
    const { powerLevels } = viewOf(room)
    expect(powerLevels.of(alice)).toBe(id === '12' ? Infinity : 0)
    expect(powerLevels.of(bob)).toBe(0)
    expect(powerLevels.toSend('m.room.name', 'state')).toBe(50)
  })

  it('reads the levels that are set', () => {
    const room = new TestRoom(id)
    const levels = { ban: 1, kick: 2, redact: 3, invite: 4, users_default: 5, events_default: 6, state_default: 7 }
    room.powerLevels({ ...levels, users: { [bob]: 8 }, events: { a: 9 }, notifications: { room: 10 } })
    const { powerLevels } = viewOf(room)
    for (const [name, level] of Object.entries(levels)) expect(powerLevels.level(name as 'ban')).toBe(level)
    expect(powerLevels.of(bob)).toBe(8)
    expect(powerLevels.of(carol)).toBe(5)
    expect(powerLevels.toSend('a', 'state')).toBe(9)
    expect(powerLevels.toSend('b', 'state')).toBe(7)
    expect(powerLevels.toSend('b', 'message')).toBe(6)
    expect(powerLevels.toSend('constructor', 'message')).toBe(6)
    expect(powerLevels.toNotify('room')).toBe(10)
  })

  it('knows memberships and join rules', () => {
    const room = new TestRoom(id)
    expect(viewOf(room).membershipOf(bob)).toBe('leave')
    expect(viewOf(room).joinRule).toBe('invite')
    room.member(bob, 'join')
    room.joinRule('public')
    expect(viewOf(room).membershipOf(bob)).toBe('join')
    expect(viewOf(room).joinRule).toBe('public')
    room.set({ type: 'm.room.join_rules', sender: alice, state_key: '', content: { join_rule: 1 } })
    expect(viewOf(room).joinRule).toBe('')
  })

  it('knows its creators', () => {
    const room = new TestRoom(id, { content: { additional_creators: [carol] } })
    expect(viewOf(room).creators).toEqual(id === '12' ? [alice, carol] : [alice])
    expect(viewOf(room).isCreator(alice)).toBe(true)
    expect(viewOf(room).isCreator(bob)).toBe(false)
    const nowhere = new RoomStateView({ version: room.version, state: () => undefined })
    expect(nowhere.creators).toEqual([])
  })
})

describe('the creator', () => {
  it.each([
    ['10', bob],
    ['11', alice],
  ] as const)('is named by the content until version 10: version %s', (id, creator) => {
    const room = new TestRoom(id, { content: { creator: bob } })
    expect(viewOf(room).creators).toEqual([creator])
    expect(room.memberRule(creator, creator, 'join')).toBe('allowed')
  })
})
