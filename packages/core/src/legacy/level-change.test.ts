import type { JsonObject } from '@hearth/protocol'
import { findRoomVersion, type RoomVersionId } from '@hearth/rooms'
import { describe, expect, it } from 'vitest'
import { levelChange, requiredLevelChange } from './level-change.ts'

const facts = (version: RoomVersionId, ...creators: string[]) => ({ version: findRoomVersion(version)!, creators })
const current: JsonObject = { users: { '@a:s': 100 }, events: { 'm.room.name': 60 }, invite: 20, state_default: 30 }

describe('a change of the levels of the founding API', () => {
  const change = (type: string, content: JsonObject, version: RoomVersionId = '10') =>
    levelChange(type, '', content)!(current, facts(version, '@a:s'))

  it('[C-069] replaces the levels of users and their default, and keeps the rest', () => {
    const flat = { '@b:s': 50, default: 7 }
    expect(change('m.room.power_levels', flat)).toEqual({ ...current, users: { '@b:s': 50 }, users_default: 7 })
    expect(change('m.room.power_levels', {})).toEqual({ ...current, users: {}, users_default: 0 })
  })

  it('takes nothing for a user that is none', () => {
    expect(() => change('m.room.power_levels', { bob: 50 })).toThrow(expect.objectContaining({ errcode: 'M_BAD_JSON' }))
    expect(() => change('m.room.power_levels', { users: {} })).toThrow(/users/)
  })

  it('does not touch the power of creators that has no number', () => {
    expect(change('m.room.power_levels', { '@a:s': 100, '@b:s': 1 }, '12')).toMatchObject({ users: { '@b:s': 1 } })
    expect(() => change('m.room.power_levels', { '@a:s': 50 }, '12')).toThrow(
      expect.objectContaining({ errcode: 'M_FORBIDDEN' }),
    )
    expect(change('m.room.power_levels', { '@a:s': 50 })).toMatchObject({ users: { '@a:s': 50 } })
  })

  it.each([
    ['m.room.add_state_level', { level: 10 }, { state_default: 10 }],
    ['m.room.add_state_level', {}, { state_default: 50 }],
    ['m.room.send_event_level', { level: 10 }, { events_default: 10 }],
    ['m.room.send_event_level', {}, { events_default: 50 }],
    ['m.room.ops_levels', { ban_level: 1, kick_level: 2, redact_level: 3 }, { ban: 1, kick: 2, redact: 3 }],
    ['m.room.ops_level', { ban_level: 1 }, { ban: 1, kick: 50, redact: 50 }],
  ])('[C-075] [C-076] [C-077] writes %s %o as %o', (type, content, written) => {
    expect(change(type, content)).toEqual({ ...current, ...written })
  })

  it.each(['10', 1.5, null, {}])('refuses %o for a level', (level) => {
    expect(() => levelChange('m.room.add_state_level', '', { level })).toThrow(
      expect.objectContaining({ errcode: 'M_BAD_JSON' }),
    )
  })

  it('leaves other state alone, and level events with a key', () => {
    expect(levelChange('m.room.name', '', {})).toBeUndefined()
    expect(levelChange('m.room.add_state_level', 'key', { level: 1 })).toBeUndefined()
    expect(levelChange('toString', '', {})).toBeUndefined()
  })

  it('[C-073] requires a level for a type of state', () => {
    const required = (type: string, level: number) => requiredLevelChange(type, level)(current, facts('10', '@a:s'))
    expect(required('m.room.topic', 80)).toEqual({ ...current, events: { 'm.room.name': 60, 'm.room.topic': 80 } })
    expect(required('m.room.name', 10)).toEqual({ ...current, events: { 'm.room.name': 10 } })
    expect(required('m.room.name', 60)).toBe(current)
    expect(required('m.room.topic', 30)).toBe(current)
    expect(Object.keys(required('__proto__', 80)['events'] as JsonObject)).toContain('__proto__')
  })
})
