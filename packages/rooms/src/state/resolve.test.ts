import { describe, expect, it } from 'vitest'
import { alice, bob, charlie, ella, membership, powerLevels, publicRoom, TestHistory } from '../../test/test-history.ts'
import { versionsBetween } from '../../test/test-room.ts'
import { stateTupleKey } from './resolve-loaded.ts'

const topic = { type: 'm.room.topic' } as const

describe.each(versionsBetween(2, 12))('[SEC-242] forks of a room of version %s', (id) => {
  it('ban against power levels: what the banned moderator did does not count', () => {
    const room = publicRoom(id)
    room.add({ id: 'ban', ...membership(alice, 'ban', bob) })
    room.add({ id: 'power-bob', ...powerLevels(room, bob, { [bob]: 50, [charlie]: 50 }), after: ['join-charlie'] })
    for (const heads of [
      ['ban', 'power-bob'],
      ['power-bob', 'ban'],
    ]) {
      expect(room.winner(heads, 'm.room.member', bob)).toBe('ban')
      expect(room.winner(heads, 'm.room.power_levels')).toBe('power')
    }
  })

  it('power levels against power levels: the admin wins over the moderator', () => {
    const room = publicRoom(id)
    room.add({ id: 'power-alice', ...powerLevels(room, alice, { [bob]: 0 }), ts: 100 })
    room.add({
      id: 'power-bob',
      ...powerLevels(room, bob, { [bob]: 50, [charlie]: 50 }),
      after: ['join-charlie'],
      ts: 50,
    })
    expect(room.winner(['power-alice', 'power-bob'], 'm.room.power_levels')).toBe('power-alice')
  })

  it('topic against power levels: who was demoted has set no topic', () => {
    const room = publicRoom(id)
    room.add({ id: 'topic-alice', sender: alice, ...topic })
    room.add({ id: 'power-alice', ...powerLevels(room, alice, { [bob]: 0 }) })
    room.add({ id: 'topic-bob', sender: bob, ...topic, after: ['topic-alice'] })
    expect(room.winner(['power-alice', 'topic-bob'], topic.type)).toBe('topic-alice')
  })

  it('topic against ban: who was banned has set no topic', () => {
    const room = publicRoom(id)
    room.add({ id: 'topic-alice', sender: alice, ...topic })
    room.add({ id: 'ban', ...membership(alice, 'ban', bob) })
    room.add({ id: 'topic-bob', sender: bob, ...topic, after: ['topic-alice'] })
    expect(room.winner(['ban', 'topic-bob'], topic.type)).toBe('topic-alice')
    expect(room.winner(['ban', 'topic-bob'], 'm.room.member', bob)).toBe('ban')
  })

  it('join rules against join: who joined while the room was closed is not in it', () => {
    const room = publicRoom(id)
    room.add({ id: 'closed', sender: alice, type: 'm.room.join_rules', content: { join_rule: 'invite' } })
    room.add({ id: 'join-ella', ...membership(ella, 'join'), after: ['join-charlie'] })
    expect(room.winner(['closed', 'join-ella'], 'm.room.join_rules')).toBe('closed')
    expect(room.winner(['closed', 'join-ella'], 'm.room.member', ella)).toBeUndefined()
  })

  it('join against join: both are in the room', () => {
    const room = publicRoom(id)
    room.add({ id: 'join-ella', ...membership(ella, 'join') })
    room.add({ id: 'join-dora', ...membership('@dora:hs2', 'join'), after: ['join-charlie'] })
    expect(room.winner(['join-ella', 'join-dora'], 'm.room.member', ella)).toBe('join-ella')
    expect(room.winner(['join-ella', 'join-dora'], 'm.room.member', '@dora:hs2')).toBe('join-dora')
  })

  it('topic against topic: the later one wins, whatever the ids', () => {
    const room = publicRoom(id)
    room.add({ id: 'z', sender: alice, ...topic, ts: 100 })
    room.add({ id: 'a', sender: bob, ...topic, ts: 101, after: ['join-charlie'] })
    expect(room.winner(['z', 'a'], topic.type)).toBe('a')
    expect(room.winner(['a', 'z'], topic.type)).toBe('a')
  })

  it('join rules against join rules of one sender: the later one wins', () => {
    const room = publicRoom(id)
    room.add({ id: 'z', sender: alice, type: 'm.room.join_rules', content: { join_rule: 'restricted' }, ts: 100 })
    room.add({
      id: 'a',
      sender: alice,
      type: 'm.room.join_rules',
      content: { join_rule: 'invite' },
      ts: 101,
      after: ['join-charlie'],
    })
    expect(room.winner(['z', 'a'], 'm.room.join_rules')).toBe('a')
  })

  it('topics sent under newer power levels win over those under older ones, whatever the time', () => {
    const room = publicRoom(id)
    room.add({ id: 'old', sender: bob, ...topic, ts: 1_000 })
    room.add({ id: 'power-alice', ...powerLevels(room, alice, { [bob]: 50, [charlie]: 50 }), after: ['join-charlie'] })
    room.add({ id: 'new', sender: charlie, ...topic, ts: 10 })
    expect(room.winner(['old', 'new'], topic.type)).toBe('new')
  })

  it('kick against name change: who was kicked stays out', () => {
    const room = publicRoom(id)
    room.add({ id: 'kick', ...membership(bob, 'leave', charlie) })
    const name = { membership: 'join', displayname: 'Charlie' }
    room.add({
      id: 'name',
      sender: charlie,
      type: 'm.room.member',
      key: charlie,
      content: name,
      after: ['join-charlie'],
      ts: 1_000,
    })
    const closed = room.winner(['kick', 'name'], 'm.room.member', charlie)
    // The room is public: the change of name is a join that is allowed after the kick.
    expect(closed).toBe('name')
    room.add({
      id: 'closed',
      sender: alice,
      type: 'm.room.join_rules',
      content: { join_rule: 'invite' },
      after: ['kick'],
    })
    expect(room.winner(['closed', 'name'], 'm.room.member', charlie)).toBe('kick')
  })
})

describe.each(versionsBetween(2, 12))('[SEC-245] ties in room version %s', (id) => {
  // In the order of code points: upper case, underscore, lower case, and U+FF21 before U+1F600.
  const ordered = ['-', '0', 'A', 'Z', '_', 'a', 'z', 'é', 'Ａ', '😀']

  it.each(ordered.slice(1).map((later, i) => [ordered[i]!, later]))('%s comes before %s', (earlier, later) => {
    const room = publicRoom(id)
    room.add({ id: earlier, sender: alice, ...topic, ts: 100 })
    room.add({ id: later, sender: alice, ...topic, ts: 100, after: ['join-charlie'] })
    expect(room.winner([earlier, later], topic.type)).toBe(later)
    expect(room.winner([later, earlier], topic.type)).toBe(later)

    const rules = { sender: alice, type: 'm.room.join_rules', content: { join_rule: 'invite' }, ts: 200 }
    room.add({ ...rules, id: `r${later}`, after: ['join-charlie'] })
    room.add({ ...rules, id: `r${earlier}`, after: ['join-charlie'] })
    expect(room.winner([`r${later}`, `r${earlier}`], 'm.room.join_rules')).toBe(`r${later}`)
  })
})

describe('algorithm v2.1 against v2', () => {
  function forkedByBadStates(id: '11' | '12') {
    const room = publicRoom(id)
    room.add({ id: 'closed', sender: alice, type: 'm.room.join_rules', content: { join_rule: 'invite' } })
    room.add({ id: 'leave-alice', ...membership(alice, 'leave') })
    const named = (userId: string) => ({
      sender: userId,
      type: 'm.room.member',
      key: userId,
      content: { membership: 'join', displayname: 'new name' },
      after: ['leave-alice'],
    })
    room.add({ id: 'name-bob', ...named(bob) })
    room.add({ id: 'name-charlie', ...named(charlie) })
    const common = ['create', 'power', 'leave-alice']
    return {
      room,
      state: room.resolveStates([
        room.stateOf(...common, 'closed', 'name-bob', 'join-charlie'),
        // This server has the join rules of before.
        room.stateOf(...common, 'rules', 'join-bob', 'name-charlie'),
      ]),
    }
  }

  it('v2 loses join rules whose sender has left the room', () => {
    const { room, state } = forkedByBadStates('11')
    expect(room.nameIn(state, 'm.room.join_rules')).toBeUndefined()
  })

  it('v2.1 keeps them, since it starts from an empty state', () => {
    const { room, state } = forkedByBadStates('12')
    expect(room.nameIn(state, 'm.room.join_rules')).toBe('closed')
    expect(room.nameIn(state, 'm.room.member', bob)).toBe('name-bob')
    expect(room.nameIn(state, 'm.room.member', charlie)).toBe('name-charlie')
    expect(room.nameIn(state, 'm.room.member', alice)).toBe('leave-alice')
  })

  function forkedByOldPowerLevels(id: '11' | '12') {
    const room = publicRoom(id)
    room.add({ id: 'power-2', ...powerLevels(room, alice, { [bob]: 60 }) })
    room.add({ id: 'power-3', ...powerLevels(room, bob, { [bob]: 60, [charlie]: 60 }) })
    room.add({ id: 'join-zara', ...membership('@zara:hs2', 'join') })
    room.add({ id: 'join-ella', ...membership(ella, 'join'), after: ['power-3'] })
    room.add({ id: 'name-ella', ...membership(ella, 'join'), content: { membership: 'join', displayname: 'Ella' } })
    const common = ['create', 'join-alice', 'rules', 'join-bob', 'join-charlie']
    return {
      room,
      state: room.resolveStates([
        // This server has the first power levels although ella has joined under the third.
        room.stateOf(...common, 'power', 'name-ella'),
        room.stateOf(...common, 'power-3', 'join-zara'),
      ]),
    }
  }

  it('v2 resets to power levels of long ago', () => {
    const { room, state } = forkedByOldPowerLevels('11')
    expect(room.nameIn(state, 'm.room.power_levels')).toBe('power')
  })

  it('v2.1 does not, since the events between count as well', () => {
    const { room, state } = forkedByOldPowerLevels('12')
    expect(room.nameIn(state, 'm.room.power_levels')).toBe('power-3')
    expect(room.nameIn(state, 'm.room.member', ella)).toBe('name-ella')
    expect(room.nameIn(state, 'm.room.member', '@zara:hs2')).toBe('join-zara')
  })
})

describe('algorithm v1', () => {
  it('takes power levels in the order of depth, while each is allowed after the one before', () => {
    const room = publicRoom('1')
    room.add({ id: 'power-a', ...powerLevels(room, alice, { [bob]: 0 }) })
    room.add({ id: 'topic', sender: bob, ...topic, after: ['join-charlie'] })
    room.add({ id: 'power-b', ...powerLevels(room, bob, { [bob]: 50, [charlie]: 50 }) })
    // Bob's are deeper, but he has no power after alice's.
    expect(room.winner(['power-a', 'power-b'], 'm.room.power_levels')).toBe('power-a')
    room.add({ id: 'power-c', ...powerLevels(room, alice, { [bob]: 50 }) })
    expect(room.winner(['power-a', 'power-c'], 'm.room.power_levels')).toBe('power-c')
  })

  it('gives a member the deepest allowed membership, however it came about', () => {
    const room = publicRoom('1')
    room.add({ id: 'ban', ...membership(alice, 'ban', bob) })
    room.add({ id: 'topic', sender: alice, ...topic, after: ['join-charlie'] })
    room.add({ id: 'name', ...membership(bob, 'join') })
    expect(room.winner(['ban', 'name'], 'm.room.member', bob)).toBe('ban')
  })

  it('takes of other events the deepest that is allowed', () => {
    const room = publicRoom('1')
    room.add({ id: 'a', sender: alice, ...topic })
    room.add({ id: 'ban', ...membership(alice, 'ban', bob) })
    room.add({ id: 'name', sender: bob, type: 'm.room.name', after: ['join-charlie'] })
    room.add({ id: 'name-2', sender: bob, type: 'm.room.name' })
    room.add({ id: 'b', sender: bob, ...topic })
    expect(room.winner(['ban', 'b'], topic.type)).toBe('a')
  })

  it('takes the event of the least depth where none is allowed', () => {
    const room = publicRoom('1')
    room.add({ id: 'a', sender: bob, ...topic })
    room.add({ id: 'b', sender: bob, ...topic })
    room.add({ id: 'ban', ...membership(alice, 'ban', bob) })
    const base = ['create', 'join-alice', 'power', 'rules', 'ban']
    const state = room.resolveStates([room.stateOf(...base, 'a'), room.stateOf(...base, 'b')])
    expect(room.nameIn(state, topic.type)).toBe('a')
  })

  it('counts no conflict where a key is missing', () => {
    const room = publicRoom('1')
    const base = ['create', 'join-alice', 'power', 'rules', 'join-bob']
    room.add({ id: 'a', sender: bob, ...topic })
    room.add({ id: 'ban', ...membership(alice, 'ban', bob) })
    const state = room.resolveStates([
      room.stateOf(...base.slice(0, -1), 'ban'),
      room.stateOf(...base.slice(0, -1), 'a'),
    ])
    expect(room.nameIn(state, topic.type)).toBe('a')
    expect(room.nameIn(state, 'm.room.member', bob)).toBe('ban')
  })

  it('breaks ties of depth by the SHA-1 hash of the event id', () => {
    const room = publicRoom('1')
    const names = ['a', 'b', 'c', 'd', 'e', 'f']
    for (const name of names) room.add({ id: name, sender: alice, ...topic, after: ['join-charlie'] })
    const expected = room.winner(names, topic.type)
    expect(names).toContain(expected)
    expect(room.winner([...names].reverse(), topic.type)).toBe(expected)
  })
})

describe('rejected events', () => {
  it('do not authorize others where the state lacks what the rules ask for', () => {
    const room = publicRoom('12')
    room.add({ id: 'join-ella', ...membership(ella, 'join') })
    room.add({ id: 'power-ella', ...powerLevels(room, alice, { [ella]: 50 }) })
    room.add({ id: 'topic-ella', sender: ella, ...topic })
    room.add({ id: 'topic-alice', sender: alice, ...topic, after: ['power-ella'], ts: 0 })
    const resolved = () => room.winner(['topic-ella', 'topic-alice'], topic.type)
    expect(resolved()).toBe('topic-ella')
    const join = room.events.get(room.id('join-ella'))!
    room.events.set(join.eventId, { ...join, rejected: true })
    expect(resolved()).toBe('topic-alice')
  })
})

describe('states that agree', () => {
  it('are their own resolution', () => {
    const room = publicRoom('12')
    const state = room.stateAfter('join-charlie')
    expect(room.resolveStates([state])).toEqual(state)
    expect(room.resolveStates([state, state, new Map(state)])).toEqual(state)
    expect(room.resolveStates([])).toEqual(new Map())
  })

  it('[SEC-248] are resolved without looking at any event', () => {
    const room = new TestHistory('12')
    const state = new Map([[stateTupleKey('m.room.create', ''), room.id('unknown')]])
    expect(room.resolveStates(Array.from({ length: 50 }, () => new Map(state)))).toEqual(state)
  })
})
