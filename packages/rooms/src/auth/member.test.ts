import { generateSigningKey, signJson, type SigningKey } from '@hearth/crypto'
import type { JsonObject } from '@hearth/protocol'
import { describe, expect, it } from 'vitest'
import { TestRoom, versionIds, versionsBetween } from '../../test/test-room.ts'
import type { RoomVersionId } from '../room-versions.ts'

const [alice, bob, carol, dave] = ['@alice:hs1', '@bob:hs1', '@carol:hs1', '@dave:hs2'] as const

/** The number of the rule for `m.room.member`, and of its part for a membership. */
function ruleNumber(id: RoomVersionId, membership?: 'join' | 'invite' | 'leave' | 'ban' | 'knock'): string {
  const version = Number(id)
  const member = version <= 5 || version === 12 ? '5' : '4'
  if (membership === undefined) return member
  const parts =
    version <= 7
      ? { join: 2, invite: 3, leave: 4, ban: 5, knock: 6 }
      : { join: 3, invite: 4, leave: 5, ban: 6, knock: 7 }
  return `${member}.${parts[membership]}`
}

/** Alice has created the room and has joined, bob has joined; power levels are as the test says. */
function roomOf(id: RoomVersionId, powerLevels: JsonObject = { users: {} }): TestRoom {
  const room = new TestRoom(id)
  room.member(alice, 'join')
  room.member(bob, 'join')
  const users = Number(id) < 12 ? { [alice]: 100 } : {}
  room.powerLevels({ ...powerLevels, users: { ...users, ...(powerLevels['users'] as JsonObject) } })
  return room
}

describe.each(versionIds)('m.room.member in room version %s', (id) => {
  const member = ruleNumber(id)

  it('is refused without a state key or membership (1)', () => {
    const room = roomOf(id)
    expect(room.rule({ type: 'm.room.member', sender: alice, content: { membership: 'join' } })).toBe(`${member}.1`)
    expect(room.rule({ type: 'm.room.member', sender: alice, state_key: alice })).toBe(`${member}.1`)
    expect(room.memberRule(alice, 'alice', 'join')).toBe(`${member}.1`)
  })

  it('is refused with an unknown membership', () => {
    const unknown = Number(id) <= 6 ? 6 : Number(id) === 7 ? 7 : 8
    expect(roomOf(id).memberRule(bob, bob, 'dance')).toBe(`${member}.${unknown}`)
    expect(roomOf(id).memberRule(bob, bob, '__proto__')).toBe(`${member}.${unknown}`)
  })

  describe('join', () => {
    const join = ruleNumber(id, 'join')
    const otherwise = `${join}.${Number(id) < 8 ? 6 : 7}`

    it('lets the creator in right after the create event (1)', () => {
      const room = new TestRoom(id)
      expect(room.memberRule(alice, alice, 'join')).toBe('allowed')
      expect(room.memberRule(bob, bob, 'join')).toBe(otherwise)
      room.event({ type: 'm.room.message', sender: alice })
      expect(room.memberRule(alice, alice, 'join')).toBe(otherwise)
    })

    it('is refused for somebody else (2)', () => {
      const room = roomOf(id)
      room.joinRule('public')
      expect(room.memberRule(alice, carol, 'join')).toBe(`${join}.2`)
    })

    it('is refused for who is banned (3)', () => {
      const room = roomOf(id)
      room.joinRule('public')
      room.member(carol, 'ban')
      expect(room.memberRule(carol, carol, 'join')).toBe(`${join}.3`)
    })

    it.each(['invite', undefined])('takes an invite where the join rule is %s (4)', (rule) => {
      const room = roomOf(id)
      if (rule !== undefined) room.joinRule(rule)
      expect(room.memberRule(carol, carol, 'join')).toBe(otherwise)
      room.member(carol, 'invite')
      expect(room.memberRule(carol, carol, 'join')).toBe('allowed')
      expect(room.memberRule(bob, bob, 'join')).toBe('allowed')
    })

    it('takes an invite where the join rule is knock, since version 7 (4)', () => {
      const room = roomOf(id)
      room.joinRule('knock')
      room.member(carol, 'knock')
      expect(room.memberRule(carol, carol, 'join')).toBe(otherwise)
      room.member(carol, 'invite')
      expect(room.memberRule(carol, carol, 'join')).toBe(Number(id) >= 7 ? 'allowed' : otherwise)
    })

    it.each([
      ['restricted', 8],
      ['knock_restricted', 10],
    ])('takes an authorising user where the join rule is %s, since version %i (5)', (rule, since) => {
      const room = roomOf(id, { invite: 50, users: { [bob]: 50 } })
      room.joinRule(rule)
      const isKnown = Number(id) >= since
      const unauthorised = isKnown ? `${join}.5.2` : otherwise
      const by = (userId: string) => room.memberRule(carol, carol, 'join', { join_authorised_via_users_server: userId })

      expect(room.memberRule(carol, carol, 'join')).toBe(unauthorised)
      expect(by(bob)).toBe(isKnown ? 'allowed' : otherwise)
      // Not a member, and a member without the invite level.
      expect(by('@nobody:hs1')).toBe(unauthorised)
      room.member(dave, 'join')
      expect(by(dave)).toBe(unauthorised)
      room.member(bob, 'leave')
      expect(by(bob)).toBe(unauthorised)
      // 5.1: who is invited or joined needs none.
      room.member(carol, 'invite')
      expect(room.memberRule(carol, carol, 'join')).toBe(isKnown ? 'allowed' : otherwise)
    })

    it('is allowed where the join rule is public', () => {
      const room = roomOf(id)
      room.joinRule('public')
      expect(room.memberRule(carol, carol, 'join')).toBe('allowed')
      expect(room.memberRule(dave, dave, 'join')).toBe('allowed')
    })

    it.each(['private', 'unheard of', ''])('is refused where the join rule is "%s"', (rule) => {
      const room = roomOf(id)
      room.joinRule(rule)
      room.member(carol, 'invite')
      expect(room.memberRule(carol, carol, 'join')).toBe(otherwise)
    })
  })

  describe('invite', () => {
    const invite = ruleNumber(id, 'invite')

    it('takes a sender who is in the room (2)', () => {
      const room = roomOf(id)
      expect(room.memberRule(carol, dave, 'invite')).toBe(`${invite}.2`)
      expect(room.memberRule(bob, dave, 'invite')).toBe('allowed')
    })

    it('is refused for who is in the room or banned (3)', () => {
      const room = roomOf(id)
      room.member(carol, 'ban')
      expect(room.memberRule(alice, bob, 'invite')).toBe(`${invite}.3`)
      expect(room.memberRule(alice, carol, 'invite')).toBe(`${invite}.3`)
    })

    it('takes the invite level (4, 5)', () => {
      const room = roomOf(id, { invite: 10, users: { [bob]: 9 } })
      expect(room.memberRule(bob, carol, 'invite')).toBe(`${invite}.5`)
      room.powerLevels({ invite: 10, users: { [bob]: 10 } })
      expect(room.memberRule(bob, carol, 'invite')).toBe('allowed')
    })
  })

  describe('leave', () => {
    const leave = ruleNumber(id, 'leave')

    it('is for members and invited users themselves (1)', () => {
      const room = roomOf(id)
      expect(room.memberRule(bob, bob, 'leave')).toBe('allowed')
      room.member(bob, 'invite')
      expect(room.memberRule(bob, bob, 'leave')).toBe('allowed')
      room.member(bob, 'leave')
      expect(room.memberRule(bob, bob, 'leave')).toBe(`${leave}.1`)
      room.member(bob, 'ban')
      expect(room.memberRule(bob, bob, 'leave')).toBe(`${leave}.1`)
      expect(room.memberRule(dave, dave, 'leave')).toBe(`${leave}.1`)
    })

    it('kicks only from within the room (2)', () => {
      const room = roomOf(id)
      room.member(alice, 'leave')
      expect(room.memberRule(alice, bob, 'leave')).toBe(`${leave}.2`)
    })

    it('unbans with the ban level (3)', () => {
      const room = roomOf(id, { ban: 60, kick: 50, users: { [bob]: 59 } })
      room.member(carol, 'ban')
      expect(room.memberRule(bob, carol, 'leave')).toBe(`${leave}.3`)
      room.powerLevels({ ban: 60, kick: 50, users: { [bob]: 60 } })
      expect(room.memberRule(bob, carol, 'leave')).toBe('allowed')
    })

    it('kicks with the kick level and above the target (4, 5)', () => {
      const room = roomOf(id, { kick: 50, users: { [bob]: 50, [carol]: 50 } })
      room.member(carol, 'join')
      room.member(dave, 'join')
      expect(room.memberRule(bob, dave, 'leave')).toBe('allowed')
      expect(room.memberRule(bob, carol, 'leave')).toBe(`${leave}.5`)
      room.powerLevels({ kick: 51, users: { [bob]: 50 } })
      expect(room.memberRule(bob, dave, 'leave')).toBe(`${leave}.5`)
      expect(room.memberRule(dave, bob, 'leave')).toBe(`${leave}.5`)
    })
  })

  describe('ban', () => {
    const ban = ruleNumber(id, 'ban')

    it('takes a sender who is in the room (1)', () => {
      const room = roomOf(id)
      room.member(alice, 'leave')
      expect(room.memberRule(alice, bob, 'ban')).toBe(`${ban}.1`)
    })

    it('takes the ban level and more power than the target (2, 3)', () => {
      const room = roomOf(id, { ban: 50, users: { [bob]: 50, [carol]: 50 } })
      expect(room.memberRule(bob, dave, 'ban')).toBe('allowed')
      expect(room.memberRule(bob, carol, 'ban')).toBe(`${ban}.3`)
      expect(room.memberRule(bob, bob, 'ban')).toBe(`${ban}.3`)
      room.powerLevels({ ban: 51, users: { [bob]: 50 } })
      expect(room.memberRule(bob, dave, 'ban')).toBe(`${ban}.3`)
    })
  })
})

describe.each(versionsBetween(7, 12))('knock in room version %s', (id) => {
  const knock = ruleNumber(id, 'knock')

  it('takes a join rule that allows it (1)', () => {
    const room = roomOf(id)
    for (const rule of ['invite', 'public', 'restricted']) {
      room.joinRule(rule)
      expect(room.memberRule(carol, carol, 'knock')).toBe(`${knock}.1`)
    }
    room.joinRule('knock')
    expect(room.memberRule(carol, carol, 'knock')).toBe('allowed')
    room.joinRule('knock_restricted')
    expect(room.memberRule(carol, carol, 'knock')).toBe(Number(id) >= 10 ? 'allowed' : `${knock}.1`)
  })

  it('is refused for somebody else (2)', () => {
    const room = roomOf(id)
    room.joinRule('knock')
    expect(room.memberRule(alice, carol, 'knock')).toBe(`${knock}.2`)
  })

  it('is refused for who is banned, invited or joined (3, 4)', () => {
    const room = roomOf(id)
    room.joinRule('knock')
    for (const membership of ['ban', 'invite', 'join']) {
      room.member(carol, membership)
      expect(room.memberRule(carol, carol, 'knock')).toBe(`${knock}.4`)
    }
    for (const membership of ['leave', 'knock']) {
      room.member(carol, membership)
      expect(room.memberRule(carol, carol, 'knock')).toBe('allowed')
    }
  })

  it('can be retracted (leave 1)', () => {
    const room = roomOf(id)
    room.member(carol, 'knock')
    expect(room.memberRule(carol, carol, 'leave')).toBe('allowed')
  })
})

describe.each(versionsBetween(8, 12))('join_authorised_via_users_server in room version %s', (id) => {
  it('must be a user id (2)', () => {
    const room = roomOf(id)
    room.joinRule('public')
    const member = ruleNumber(id)
    expect(room.memberRule(carol, carol, 'join', { join_authorised_via_users_server: 1 })).toBe(`${member}.2.1`)
    expect(room.memberRule(carol, carol, 'join', { join_authorised_via_users_server: 'hs1' })).toBe(`${member}.2.1`)
    expect(room.memberRule(carol, carol, 'join', { join_authorised_via_users_server: bob })).toBe('allowed')
  })
})

describe.each(versionIds)('an invite that redeems a third-party invite, in room version %s', (id) => {
  const rule = `${ruleNumber(id, 'invite')}.1`
  const identityKey = generateSigningKey('0')
  const otherKey = generateSigningKey('1')

  function roomWithInvite(content: JsonObject = { public_key: identityKey.publicKey }): TestRoom {
    const room = roomOf(id)
    room.set({ type: 'm.room.third_party_invite', sender: bob, state_key: 'token1', content })
    return room
  }

  function signed(fields: JsonObject = {}, key: SigningKey = identityKey): JsonObject {
    return signJson({ mxid: carol, token: 'token1', ...fields }, 'identity.example', key)
  }

  function invite(room: TestRoom, thirdPartyInvite: JsonObject, sender: string = bob): string {
    return room.memberRule(sender, carol, 'invite', { third_party_invite: thirdPartyInvite })
  }

  it('is allowed with a signature by the key of the third-party invite (7)', () => {
    expect(invite(roomWithInvite(), { signed: signed() })).toBe('allowed')
  })

  it('is allowed with a key of the list (7.2), in either base64 alphabet', () => {
    const urlSafe = identityKey.publicKey.replaceAll('+', '-').replaceAll('/', '_')
    const publicKeys = [{ public_key: otherKey.publicKey }, { public_key: urlSafe }]
    expect(invite(roomWithInvite({ public_keys: publicKeys }), { signed: signed() })).toBe('allowed')
  })

  it('is refused for who is banned (1)', () => {
    const room = roomWithInvite()
    room.member(carol, 'ban')
    expect(invite(room, { signed: signed() })).toBe(`${rule}.1`)
  })

  it('is refused without signed (2), mxid or token (3)', () => {
    expect(invite(roomWithInvite(), {})).toBe(`${rule}.2`)
    expect(invite(roomWithInvite(), { signed: { token: 'token1' } })).toBe(`${rule}.3`)
    expect(invite(roomWithInvite(), { signed: { mxid: carol } })).toBe(`${rule}.3`)
  })

  it('is refused for another user (4), token (5) or sender (6)', () => {
    expect(invite(roomWithInvite(), { signed: signed({ mxid: dave }) })).toBe(`${rule}.4`)
    expect(invite(roomWithInvite(), { signed: signed({ token: 'token2' }) })).toBe(`${rule}.5`)
    expect(invite(roomWithInvite(), { signed: signed() }, alice)).toBe(`${rule}.6`)
  })

  it('is refused with a signature by another key, a changed text, or none (8)', () => {
    expect(invite(roomWithInvite(), { signed: signed({}, otherKey) })).toBe(`${rule}.8`)
    expect(invite(roomWithInvite(), { signed: { ...signed(), extra: 1 } })).toBe(`${rule}.8`)
    expect(invite(roomWithInvite(), { signed: { mxid: carol, token: 'token1' } })).toBe(`${rule}.8`)
    expect(invite(roomWithInvite({}), { signed: signed() })).toBe(`${rule}.8`)
    expect(invite(roomWithInvite({ public_key: 'not a key' }), { signed: signed() })).toBe(`${rule}.8`)
  })

  it('costs a bounded number of verifications', () => {
    const keys = Array.from({ length: 200 }, () => ({ public_key: generateSigningKey('a').publicKey }))
    const signatures = Object.fromEntries(
      Array.from({ length: 200 }, (_, i) => [`hs${i}`, { 'ed25519:0': otherKey.sign(`text ${i}`) }]),
    )
    const room = roomWithInvite({ public_keys: keys })
    const before = process.cpuUsage()
    expect(invite(room, { signed: { mxid: carol, token: 'token1', signatures } })).toBe(`${rule}.8`)
    // All 40,000 pairs would take seconds.
    expect(process.cpuUsage(before).user, 'microseconds of work').toBeLessThan(1_000_000)
  })
})
