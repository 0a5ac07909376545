import type { EventId } from '@hearth/protocol'
import { describe, expect, it } from 'vitest'
import { TestRoom, versionIds, versionsBetween } from '../../test/test-room.ts'
import type { RoomVersionId } from '../room-versions.ts'
import { authorize } from './authorize.ts'

const [alice, bob, dave] = ['@alice:hs1', '@bob:hs1', '@dave:hs2'] as const

/** Where a rule that all versions have stands in the list of one. */
function ruleNumber(id: RoomVersionId, numberInVersion1: number): string {
  const version = Number(id)
  const withoutAliases = version >= 6 && numberInVersion1 > 4 ? numberInVersion1 - 1 : numberInVersion1
  return String(version === 12 && numberInVersion1 > 1 ? withoutAliases + 1 : withoutAliases)
}

describe.each(versionIds)('authorization in room version %s', (id) => {
  it('allows what no rule refuses', () => {
    const room = new TestRoom(id)
    room.member(alice, 'join')
    expect(room.rule({ type: 'm.room.message', sender: alice })).toBe('allowed')
  })

  it('needs a create event', () => {
    const room = new TestRoom(id)
    const message = room.event({ type: 'm.room.message', sender: alice })
    const verdict = authorize(room.version, message, () => undefined)
    expect(verdict).toMatchObject({ allowed: false, rule: id === '12' ? '2' : '2.4' })
  })

  it('keeps other servers out where m.federate is false (3, since 12 4)', () => {
    const room = new TestRoom(id, { content: { 'm.federate': false } })
    room.joinRule('public')
    expect(room.memberRule(dave, dave, 'join')).toBe(ruleNumber(id, 3))
    expect(room.memberRule(bob, bob, 'join')).toBe('allowed')
    const open = new TestRoom(id, { content: { 'm.federate': true } })
    open.joinRule('public')
    expect(open.memberRule(dave, dave, 'join')).toBe('allowed')
  })

  it('refuses senders who are not in the room (6, since 6 5, since 12 6)', () => {
    const room = new TestRoom(id)
    for (const membership of ['leave', 'invite', 'ban', 'knock']) {
      room.member(bob, membership)
      expect(room.rule({ type: 'm.room.message', sender: bob })).toBe(ruleNumber(id, 6))
    }
    expect(room.rule({ type: 'm.room.message', sender: dave })).toBe(ruleNumber(id, 6))
  })

  it('takes the invite level for third-party invites and nothing else (7, since 6 6, since 12 7)', () => {
    const room = new TestRoom(id)
    room.member(bob, 'join')
    const invite = { type: 'm.room.third_party_invite', sender: bob, state_key: '@token' }
    room.powerLevels({ invite: 10, state_default: 100, users: { [bob]: 10 } })
    expect(room.rule(invite)).toBe('allowed')
    room.powerLevels({ invite: 11, state_default: 0, users: { [bob]: 10 } })
    expect(room.rule(invite)).toBe(`${ruleNumber(id, 7)}.1`)
  })

  it('takes the level that an event type requires (8, since 6 7, since 12 8)', () => {
    const room = new TestRoom(id)
    const refused = ruleNumber(id, 8)
    room.member(bob, 'join')
    room.powerLevels({
      events: { 'm.room.topic': 5, m: 6, 'm.secret': 7 },
      users: { [bob]: 6 },
      events_default: 6,
      state_default: 7,
    })
    expect(room.rule({ type: 'm.room.topic', sender: bob, state_key: '' })).toBe('allowed')
    expect(room.rule({ type: 'm', sender: bob })).toBe('allowed')
    expect(room.rule({ type: 'm.secret', sender: bob })).toBe(refused)
    expect(room.rule({ type: 'm.room.message', sender: bob })).toBe('allowed')
    expect(room.rule({ type: 'm.room.name', sender: bob, state_key: '' })).toBe(refused)
  })

  it('does not let anybody but the creator set state while there are no power levels (8)', () => {
    const room = new TestRoom(id)
    room.member(alice, 'join')
    room.member(bob, 'join')
    for (const type of ['m.room.name', 'm.room.power_levels']) {
      expect(room.rule({ type, sender: bob, state_key: '' })).toBe(ruleNumber(id, 8))
      expect(room.rule({ type, sender: alice, state_key: '' })).toBe('allowed')
    }
    expect(room.rule({ type: 'm.room.message', sender: bob })).toBe('allowed')
  })

  it("refuses other users' state keys (9, since 6 8, since 12 9)", () => {
    const room = new TestRoom(id)
    room.member(alice, 'join')
    expect(room.rule({ type: 'own', sender: alice, state_key: alice })).toBe('allowed')
    expect(room.rule({ type: 'own', sender: alice, state_key: bob })).toBe(ruleNumber(id, 9))
    expect(room.rule({ type: 'own', sender: alice, state_key: '@' })).toBe(ruleNumber(id, 9))
    expect(room.rule({ type: 'own', sender: alice, state_key: `_${bob}` })).toBe('allowed')
  })
})

describe.each(versionsBetween(1, 5))('m.room.aliases in room version %s', (id) => {
  const aliases = (sender: string, stateKey?: string) => ({
    type: 'm.room.aliases',
    sender,
    ...(stateKey !== undefined && { state_key: stateKey }),
  })

  it("is allowed for the sender's server, whoever the sender is (4.3)", () => {
    const room = new TestRoom(id)
    expect(room.rule(aliases(dave, 'hs2'))).toBe('allowed')
  })

  it('is refused without a state key (4.1) or for another server (4.2)', () => {
    const room = new TestRoom(id)
    expect(room.rule(aliases(dave))).toBe('4.1')
    expect(room.rule(aliases(dave, 'hs1'))).toBe('4.2')
  })
})

describe.each(versionsBetween(6, 12))('m.room.aliases in room version %s', (id) => {
  it('is state like all other', () => {
    const room = new TestRoom(id)
    expect(room.rule({ type: 'm.room.aliases', sender: dave, state_key: 'hs2' })).toBe(ruleNumber(id, 6))
    room.member(dave, 'join')
    expect(room.rule({ type: 'm.room.aliases', sender: dave, state_key: 'hs2' })).toBe(ruleNumber(id, 8))
  })
})

describe.each(versionsBetween(1, 2))('m.room.redaction in room version %s', (id) => {
  function redactionRule(level: number, redacts?: string): string {
    const room = new TestRoom(id)
    room.member(bob, 'join')
    room.powerLevels({ redact: 50, users: { [bob]: level } })
    return room.rule({ type: 'm.room.redaction', sender: bob, ...(redacts !== undefined && { redacts }) })
  }

  it('takes the redact level (11.1)', () => {
    expect(redactionRule(50, '$event:hs2')).toBe('allowed')
    expect(redactionRule(49, '$event:hs2')).toBe('11.3')
  })

  it("takes an event of the redaction's own server (11.2)", () => {
    expect(redactionRule(0, '$event:hs1')).toBe('allowed')
    expect(redactionRule(0, '$event')).toBe('11.3')
    expect(redactionRule(0)).toBe('11.3')
  })
})

describe.each(versionsBetween(3, 12))('m.room.redaction in room version %s', (id) => {
  it('does not take the redact level', () => {
    const room = new TestRoom(id)
    room.member(bob, 'join')
    expect(room.rule({ type: 'm.room.redaction', sender: bob, content: { redacts: '$other' } })).toBe('allowed')
  })
})

describe('the room id in room version 12', () => {
  it("must be the create event's (2)", () => {
    const room = new TestRoom('12')
    room.member(alice, 'join')
    expect(room.rule({ type: 'm.room.message', sender: alice, room_id: '!other' })).toBe('2')
    expect(room.rule({ type: 'm.room.message', sender: alice, room_id: `${room.create.eventId}` })).toBe('allowed')
  })

  it('must be that of an accepted create event (2)', () => {
    const room = new TestRoom('12')
    room.member(alice, 'join')
    room.set({ ...room.create, rejected: true })
    expect(room.rule({ type: 'm.room.message', sender: alice })).toBe('2')
  })

  it('is not the id of another event under another sigil', () => {
    const room = new TestRoom('12')
    room.set({ ...room.create, eventId: '$elsewhere' as EventId })
    const message = room.event({ type: 'm.room.message', sender: alice, room_id: '!1' })
    expect(authorize(room.version, message, room.state)).toMatchObject({ rule: '2' })
  })
})
