import type { JsonObject, JsonValue } from '@hearth/protocol'
import { describe, expect, it } from 'vitest'
import { TestRoom, versionIds, versionsBetween } from '../../test/test-room.ts'
import type { RoomVersionId } from '../room-versions.ts'
import { levelDefaults } from './power-levels-view.ts'

const [alice, bob, carol] = ['@alice:hs1', '@bob:hs1', '@carol:hs1'] as const

const levelNames = Object.keys(levelDefaults)

/** The numbers of the parts of the rule for `m.room.power_levels`. */
function rulesOf(id: RoomVersionId) {
  const version = Number(id)
  const rule = version <= 5 ? 10 : version <= 11 ? 9 : 10
  const before = version < 10 ? 0 : 2
  const creators = version === 12 ? 1 : 0
  const part = (number: number) => `${rule}.${number}`
  return {
    integerLevels: part(1),
    integerMaps: part(2),
    users: part(before + 1),
    creators: part(4),
    levels: part(before + creators + 3),
    changed: part(before + creators + 4),
    added: part(before + creators + 5),
    usersChanged: part(before + creators + 6),
    usersAdded: part(before + creators + 7),
  }
}

/** Changes the power levels from one content to another; bob has level 50 before, unless the test says otherwise. */
function change(id: RoomVersionId, before: JsonObject | undefined, after: JsonObject, sender: string = bob): string {
  const room = new TestRoom(id)
  room.member(sender, 'join')
  if (before !== undefined) {
    room.powerLevels({ ...before, users: { [bob]: 50, ...(before['users'] as JsonObject) } })
  }
  const users = before === undefined ? {} : { [bob]: 50 }
  const content = { ...after, users: { ...users, ...(after['users'] as JsonObject) } }
  return room.rule({ type: 'm.room.power_levels', sender, state_key: '', content })
}

describe.each(versionIds)('m.room.power_levels in room version %s', (id) => {
  const rules = rulesOf(id)

  it('is allowed for the creator, when there is none before', () => {
    expect(change(id, undefined, { users: { [bob]: 1_000 }, ban: 1_000 }, alice)).toBe('allowed')
  })

  it('is allowed without any change', () => {
    expect(change(id, { ban: 90, users: { [carol]: 90 } }, { ban: 90, users: { [carol]: 90 } })).toBe('allowed')
  })

  it('is refused with users that are not an object of levels by user id', () => {
    const room = new TestRoom(id)
    room.member(alice, 'join')
    for (const users of ['', [], null, 1, { [bob]: 'high' }, { [bob]: true }, { [bob]: null }, { bob: 1 }, { '': 1 }]) {
      const content = { users } as JsonObject
      expect(room.rule({ type: 'm.room.power_levels', sender: alice, state_key: '', content })).toBe(rules.users)
    }
    expect(room.rule({ type: 'm.room.power_levels', sender: alice, state_key: '' })).toBe('allowed')
  })

  it.each(levelNames)('changes %s only below the level of the sender', (name) => {
    // The sender needs a level to send the event, whatever the others are.
    const base = { events: { 'm.room.power_levels': 0 } }
    expect(change(id, { ...base, [name]: 50 }, { ...base, [name]: 10 })).toBe('allowed')
    expect(change(id, { ...base, [name]: 10 }, { ...base, [name]: 50 })).toBe('allowed')
    expect(change(id, { ...base, [name]: 50 }, base)).toBe('allowed')
    expect(change(id, base, { ...base, [name]: 50 })).toBe('allowed')
    expect(change(id, { ...base, [name]: 51 }, { ...base, [name]: 10 })).toBe(`${rules.levels}.1`)
    expect(change(id, { ...base, [name]: 51 }, base)).toBe(`${rules.levels}.1`)
    expect(change(id, { ...base, [name]: 10 }, { ...base, [name]: 51 })).toBe(`${rules.levels}.2`)
    expect(change(id, base, { ...base, [name]: 51 })).toBe(`${rules.levels}.2`)
  })

  it('changes entries of events only below the level of the sender', () => {
    const events = (level?: number) => ({ events: level === undefined ? {} : { 'm.x': level } })
    expect(change(id, events(50), events(40))).toBe('allowed')
    expect(change(id, events(50), events())).toBe('allowed')
    expect(change(id, events(), events(50))).toBe('allowed')
    expect(change(id, events(51), events(50))).toBe(`${rules.changed}.1`)
    expect(change(id, events(51), events())).toBe(`${rules.changed}.1`)
    expect(change(id, events(50), events(51))).toBe(`${rules.added}.1`)
    expect(change(id, events(), events(51))).toBe(`${rules.added}.1`)
  })

  it('changes entries of notifications only below the level of the sender, since version 6', () => {
    const notifications = (level?: number) => ({ notifications: level === undefined ? {} : { room: level } })
    const isChecked = Number(id) >= 6
    expect(change(id, notifications(50), notifications(40))).toBe('allowed')
    expect(change(id, notifications(51), notifications(50))).toBe(isChecked ? `${rules.changed}.1` : 'allowed')
    expect(change(id, notifications(51), {})).toBe(isChecked ? `${rules.changed}.1` : 'allowed')
    expect(change(id, notifications(50), notifications(51))).toBe(isChecked ? `${rules.added}.1` : 'allowed')
  })

  it('changes only users below the level of the sender', () => {
    const users = (level?: number) => ({ users: level === undefined ? {} : { [carol]: level } })
    expect(change(id, users(49), users(0))).toBe('allowed')
    expect(change(id, users(49), users())).toBe('allowed')
    expect(change(id, users(50), users(0))).toBe(`${rules.usersChanged}.1`)
    expect(change(id, users(50), users())).toBe(`${rules.usersChanged}.1`)
    expect(change(id, users(90), users(91))).toBe(`${rules.usersChanged}.1`)
  })

  it('raises nobody above the level of the sender', () => {
    const users = (level?: number) => ({ users: level === undefined ? {} : { [carol]: level } })
    expect(change(id, users(), users(50))).toBe('allowed')
    expect(change(id, users(10), users(50))).toBe('allowed')
    expect(change(id, users(), users(51))).toBe(`${rules.usersAdded}.1`)
    expect(change(id, users(10), users(51))).toBe(`${rules.usersAdded}.1`)
    expect(change(id, users(), { users: { [bob]: 51 } })).toBe(`${rules.usersAdded}.1`)
  })

  it('lets the sender step down', () => {
    expect(change(id, {}, { users: { [bob]: 0 } })).toBe('allowed')
    expect(change(id, {}, { users: { [bob]: 50 } })).toBe('allowed')
  })

  it('is not misled by names of the prototype', () => {
    const entries = JSON.parse('{"__proto__": 51, "constructor": 50}') as JsonObject
    expect(change(id, {}, { events: entries })).toBe(`${rules.added}.1`)
    expect(change(id, { events: entries }, { events: {} })).toBe(`${rules.changed}.1`)
  })
})

describe.each(versionsBetween(1, 9))('levels in room version %s', (id) => {
  const rules = rulesOf(id)

  it('may be integers in strings', () => {
    expect(change(id, { ban: 50 }, { ban: ' +0050 ' })).toBe('allowed')
    expect(change(id, { ban: 50 }, { ban: '51' })).toBe(`${rules.levels}.2`)
    expect(change(id, {}, { users: { [carol]: ' 50' } })).toBe('allowed')
    expect(change(id, {}, { users: { [carol]: '51' } })).toBe(`${rules.usersAdded}.1`)
  })

  it('may be floats, whose fraction is cut off', () => {
    expect(change(id, { ban: 50 }, { ban: 50.99 })).toBe('allowed')
    expect(change(id, {}, { users: { [carol]: 50.57 } })).toBe('allowed')
    expect(change(id, {}, { users: { [carol]: 51.01 } })).toBe(`${rules.usersAdded}.1`)
  })

  it('are refused where they are none', () => {
    for (const level of ['fifty', '5.5', '', [], {}, true, 2 ** 53, '9007199254740992'] as JsonValue[]) {
      expect(change(id, {}, { ban: level })).toBe(rules.users)
      expect(change(id, {}, { events: { m: level } })).toBe(rules.users)
      expect(change(id, {}, { users: { [carol]: level } })).toBe(rules.users)
    }
  })
})

describe.each(versionsBetween(10, 12))('levels in room version %s', (id) => {
  const rules = rulesOf(id)

  it.each(levelNames)('[SEC-137] must be integers: %s', (name) => {
    for (const level of ['50', 50.5, null, true, []] as JsonValue[]) {
      expect(change(id, {}, { [name]: level })).toBe(rules.integerLevels)
    }
  })

  it.each(['events', 'notifications'])('[SEC-137] must be integers in %s', (map) => {
    for (const entries of [{ m: '50' }, { m: 1.5 }, { m: null }, [], '', null] as JsonValue[]) {
      expect(change(id, {}, { [map]: entries })).toBe(rules.integerMaps)
    }
  })

  it('[SEC-137] must be integers in users', () => {
    expect(change(id, {}, { users: { [carol]: '50' } })).toBe(rules.users)
  })
})

describe('creators in room version 12', () => {
  const content = { additional_creators: [carol] }

  function creatorRoom(): TestRoom {
    const room = new TestRoom('12', { content })
    for (const user of [alice, bob, carol]) room.member(user, 'join')
    room.powerLevels({ users: { [bob]: Number.MAX_SAFE_INTEGER } })
    return room
  }

  it('[SEC-246] cannot be named in users (10.4)', () => {
    for (const creator of [alice, carol]) {
      const power = {
        type: 'm.room.power_levels',
        sender: alice,
        state_key: '',
        content: { users: { [creator]: 100 } },
      }
      expect(creatorRoom().rule(power)).toBe('10.4')
    }
  })

  it('[SEC-246] stand above every level', () => {
    const room = creatorRoom()
    for (const creator of [alice, carol]) {
      expect(room.memberRule(bob, creator, 'leave')).toBe('5.5.5')
      expect(room.memberRule(bob, creator, 'ban')).toBe('5.6.3')
      expect(room.memberRule(creator, bob, 'leave')).toBe('allowed')
      expect(room.memberRule(creator, bob, 'ban')).toBe('allowed')
    }
  })

  it('[SEC-246] cannot remove one another', () => {
    const room = creatorRoom()
    expect(room.memberRule(alice, carol, 'leave')).toBe('5.5.5')
    expect(room.memberRule(carol, alice, 'ban')).toBe('5.6.3')
  })

  it('may change any level', () => {
    const room = creatorRoom()
    const power = { type: 'm.room.power_levels', sender: carol, state_key: '', content: { users: {} } }
    expect(room.rule(power)).toBe('allowed')
  })
})
