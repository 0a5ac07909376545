import type { JsonObject } from '@hearth/protocol'
import { describe, expect, it } from 'vitest'
import { TestRoom, versionIds } from '../../test/test-room.ts'
import type { RoomEvent } from '../events/pdu.ts'
import { checkAuthEventsOf } from './auth-events.ts'
import { authTypesFor } from './auth-types.ts'

const [alice, bob, carol] = ['@alice:hs1', '@bob:hs1', '@carol:hs1'] as const

describe.each(versionIds)('the auth events of an event in room version %s', (id) => {
  const isCreateAuthEvent = id !== '12'
  const rule = isCreateAuthEvent ? 2 : 3

  function setUp() {
    const room = new TestRoom(id)
    const member = room.member(alice, 'join')
    const powerLevels = room.powerLevels({})
    const joinRule = room.joinRule('public')
    const message = room.event({ type: 'm.room.message', sender: alice })
    const usual = isCreateAuthEvent ? [room.create, member, powerLevels] : [member, powerLevels]
    const rulesOf = (authEvents: RoomEvent[]) => {
      const verdict = checkAuthEventsOf(room.version, message, authEvents)
      return verdict.allowed ? 'allowed' : verdict.rule
    }
    return { room, member, powerLevels, joinRule, usual, rulesOf }
  }

  it('may be those that the selection names, or fewer', () => {
    const { usual, rulesOf } = setUp()
    expect(rulesOf(usual)).toBe('allowed')
    expect(rulesOf(usual.slice(0, 2))).toBe('allowed')
  })

  it('[S-47] may not have one type and state key twice (1)', () => {
    const { room, usual, rulesOf } = setUp()
    expect(rulesOf([...usual, usual.at(-1)!])).toBe(`${rule}.1`)
    expect(rulesOf([...usual, room.powerLevels({ ban: 1 })])).toBe(`${rule}.1`)
  })

  it('[S-47] may be no others (2)', () => {
    const { room, usual, joinRule, rulesOf } = setUp()
    expect(rulesOf([...usual, joinRule])).toBe(`${rule}.2`)
    expect(rulesOf([...usual, room.member(bob, 'join')])).toBe(`${rule}.2`)
    const message = room.event({ type: 'm.room.power_levels', sender: alice })
    expect(rulesOf([...usual.slice(0, -1), message])).toBe(`${rule}.2`)
    if (!isCreateAuthEvent) expect(rulesOf([...usual, room.create])).toBe(`${rule}.2`)
  })

  it('[S-47] may not be rejected (3)', () => {
    const { usual, rulesOf } = setUp()
    expect(rulesOf(usual.map((event) => ({ ...event, rejected: true })))).toBe(`${rule}.3`)
  })

  it('must include the create event, until version 11 (4)', () => {
    const { member, powerLevels, rulesOf } = setUp()
    expect(rulesOf([member, powerLevels])).toBe(isCreateAuthEvent ? '2.4' : 'allowed')
    expect(rulesOf([])).toBe(isCreateAuthEvent ? '2.4' : 'allowed')
  })

  it('[S-20] must be of the same room', () => {
    const { room, usual, rulesOf } = setUp()
    const foreign = room.event({ type: 'm.room.member', sender: alice, state_key: alice, room_id: '!other:hs1' })
    const withForeign = usual.map((event) => (event.pdu.type === 'm.room.member' ? foreign : event))
    expect(rulesOf(withForeign)).toBe(isCreateAuthEvent ? '2.5' : '3.4')
  })

  it('are none for the create event', () => {
    const { room } = setUp()
    expect(checkAuthEventsOf(room.version, room.create, [])).toEqual({ allowed: true })
    expect(authTypesFor(room.version, room.create.pdu)).toEqual([])
  })
})

describe.each(versionIds)('the selection of auth events in room version %s', (id) => {
  const { version } = new TestRoom(id)
  const common = [...(id === '12' ? [] : ['m.room.create|']), 'm.room.power_levels|', `m.room.member|${alice}`]

  function selected(type: string, stateKey?: string, content: JsonObject = {}): string[] {
    const subject = { type, sender: alice, content, ...(stateKey !== undefined && { state_key: stateKey }) }
    return authTypesFor(version, subject).map(([eventType, key]) => `${eventType}|${key}`)
  }

  it('names the create event, the power levels and the sender', () => {
    expect(selected('m.room.message')).toEqual(common)
    expect(selected('m.room.topic', '')).toEqual(common)
  })

  it('adds the target and the join rules for changes of membership', () => {
    const target = `m.room.member|${bob}`
    expect(selected('m.room.member', bob, { membership: 'ban' })).toEqual([...common, target])
    expect(selected('m.room.member', bob, { membership: 'leave' })).toEqual([...common, target])
    expect(selected('m.room.member', alice, { membership: 'join' })).toEqual([...common, 'm.room.join_rules|'])
    expect(selected('m.room.member', alice, { membership: 'knock' })).toEqual([...common, 'm.room.join_rules|'])
    expect(selected('m.room.member', bob, { membership: 'invite' })).toEqual([...common, target, 'm.room.join_rules|'])
  })

  it('adds the third-party invite that an invite redeems', () => {
    const redeems = (signed: JsonObject) => ({ membership: 'invite', third_party_invite: { signed } })
    expect(selected('m.room.member', bob, redeems({ token: 't' }))).toContain('m.room.third_party_invite|t')
    expect(selected('m.room.member', bob, redeems({ token: 1 }))).toHaveLength(common.length + 2)
    expect(
      selected('m.room.member', bob, { membership: 'join', third_party_invite: { signed: { token: 't' } } }),
    ).toHaveLength(common.length + 2)
  })

  it('adds the user who authorises a restricted join, since version 8', () => {
    const content = { membership: 'join', join_authorised_via_users_server: carol }
    const expected = Number(id) >= 8 ? [`m.room.member|${carol}`] : []
    expect(selected('m.room.member', alice, content)).toEqual([...common, 'm.room.join_rules|', ...expected])
    // Nobody is named twice.
    expect(selected('m.room.member', carol, content).filter((tuple) => tuple.endsWith(carol))).toHaveLength(1)
    expect(selected('m.room.member', alice, { ...content, membership: 'leave' })).toEqual(common)
  })
})
