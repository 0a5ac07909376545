import type { JsonObject } from '@hearth/protocol'
import { findRoomVersion, type RoomVersionId } from '@hearth/rooms'
import { describe, expect, it } from 'vitest'
import { FoundingView } from './founding-view.ts'

const view = (version: RoomVersionId, ...creators: string[]) =>
  new FoundingView({ version: findRoomVersion(version)!, creators })

const event = (type: string, content: JsonObject, more: JsonObject = {}): JsonObject => ({
  type,
  content,
  event_id: `$${type}`,
  sender: '@a:s',
  state_key: '',
  room_id: '!r:s',
  origin_server_ts: 1,
  unsigned: { age: 5 },
  ...more,
})

/** The whole state that these events make up. */
function stateOf(shown: FoundingView, events: readonly JsonObject[]): JsonObject[] {
  const view = shown.state(events.find(({ type }) => type === 'm.room.power_levels'))
  const stored = events.map((event) => view.event(event)).filter((event) => event !== undefined)
  return [...stored, ...view.further]
}

const powerLevels = { users: { '@a:s': 100, '@b:s': 50 }, users_default: 5, events: { 'm.room.name': 60 }, ban: 70 }

describe('a view of a room through the founding API', () => {
  it('[H-14] lifts what stands in unsigned, and calls the sender user_id', () => {
    const unsigned = { age: 5, prev_content: { name: 'old' }, replaces_state: '$x', transaction_id: 't' }
    expect(view('10', '@a:s').event(event('m.room.name', { name: 'new' }, { unsigned }))).toMatchObject({
      user_id: '@a:s',
      sender: '@a:s',
      age: 5,
      prev_content: { name: 'old' },
      replaces_state: '$x',
    })
  })

  it('[C-069] flattens power levels, those before included', () => {
    const before = { users: { '@a:s': 100 } }
    const unsigned = { age: 5, prev_content: before }
    const shown = view('10', '@a:s').event(event('m.room.power_levels', powerLevels, { unsigned }))
    expect(shown['content']).toEqual({ '@a:s': 100, '@b:s': 50, default: 5 })
    expect(shown['prev_content']).toEqual({ '@a:s': 100, default: 0 })
    expect(JSON.stringify(shown)).not.toContain('users')
  })

  it('reads the levels that old rooms wrote as text, and leaves out what is none', () => {
    const users = { '@a:s': '100', '@b:s': ' 50 ', '@c:s': 'high', '@d:s': null }
    expect(view('1', '@a:s').event(event('m.room.power_levels', { users }))['content']).toEqual({
      '@a:s': 100,
      '@b:s': 50,
      default: 0,
    })
  })

  it('shows creators who have more power than any number with 100', () => {
    const shown = view('12', '@a:s', '@b:s').event(event('m.room.power_levels', { users: { '@c:s': 150 } }))
    expect(shown['content']).toEqual({ '@a:s': 100, '@b:s': 100, '@c:s': 150, default: 0 })
  })

  it('[C-052] names the creator where only the sender does', () => {
    const create = event('m.room.create', { room_version: '11' })
    expect(view('11', '@a:s').event(create)['content']).toEqual({ room_version: '11', creator: '@a:s' })
    const old = event('m.room.create', { creator: '@x:s' })
    expect(view('10', '@x:s').event(old)['content']).toEqual({ creator: '@x:s' })
  })

  it('tells of changed levels, and of those only', () => {
    const unsigned = { age: 5, prev_content: { ...powerLevels, ban: 50, kick: 50 }, replaces_state: '$old' }
    const shown = view('10', '@a:s').changes(event('m.room.power_levels', powerLevels, { unsigned }))
    expect(shown.map(({ type }) => type)).toEqual(['m.room.power_levels', 'm.room.ops_levels'])
    expect(shown[1]).toMatchObject({
      event_id: '$m.room.ops_levels.m.room.power_levels',
      replaces_state: '$m.room.ops_levels.old',
      content: { ban_level: 70, kick_level: 50, redact_level: 50 },
      prev_content: { ban_level: 50, kick_level: 50, redact_level: 50 },
    })
    expect(view('10').changes(event('m.room.power_levels', powerLevels))).toHaveLength(4)
    expect(view('10').changes(event('m.room.name', { name: 'x' }))).toHaveLength(1)
  })

  it('[C-055] [C-056] [C-057] shows the levels that have an effect, whatever was sent by their names', () => {
    const state = stateOf(view('10', '@a:s'), [
      event('m.room.add_state_level', { level: 99 }),
      event('m.room.add_state_level', { level: 98 }, { state_key: 'else' }),
      event('m.room.power_levels', powerLevels),
    ])
    const levels = state.filter(({ type }) => type === 'm.room.add_state_level')
    expect(levels.map(({ state_key: key, content }) => [key, content])).toEqual([
      ['else', { level: 98 }],
      ['', { level: 50 }],
    ])
  })

  it('[C-073] [C-102] [E-004] says what changing a state event takes', () => {
    const member = (userId: string, membership: string) =>
      event('m.room.member', { membership }, { state_key: userId, event_id: `$${userId}` })
    const state = stateOf(view('10', '@a:s'), [
      event('m.room.create', { creator: '@a:s' }),
      event('m.room.power_levels', powerLevels),
      event('m.room.name', { name: 'x' }),
      event('m.room.topic', { topic: 'x' }),
      member('@a:s', 'join'),
      member('@b:s', 'ban'),
      member('@c:s', 'ban'),
    ])
    const required = (type: string, key = '') =>
      state.find((each) => each['type'] === type && each['state_key'] === key)!['required_power_level']
    expect(required('m.room.create')).toBeUndefined()
    expect(required('m.room.name')).toBe(60)
    expect(required('m.room.topic')).toBe(50)
    expect(required('m.room.ops_levels')).toBe(50)
    expect(required('m.room.member', '@a:s')).toBeUndefined()
    expect(required('m.room.member', '@b:s')).toBe(70)
    expect(required('m.room.member', '@c:s')).toBe(70)
  })

  it('has no level events for a room without power levels', () => {
    expect(stateOf(view('10', '@a:s'), [event('m.room.create', { creator: '@a:s' })])).toHaveLength(1)
  })

  it('[C-135] leaves of a redacted event what redaction keeps', () => {
    const because = event('m.room.redaction', { reason: 'x' }, { sender: '@m:s' })
    const redacted = event('m.room.member', { membership: 'join' }, { unsigned: { age: 5, redacted_because: because } })
    const shown = view('10').event(redacted)
    expect(shown).toMatchObject({ user_id: '@a:s', age: 5, redacted_because: { user_id: '@m:s' } })
    expect(shown).not.toHaveProperty('unsigned')
    expect(shown).not.toHaveProperty('membership')
  })
})
