import type { EventId, JsonObject, RoomId } from '@hearth/protocol'
import { describe, expect, it } from 'vitest'
import type { Pdu } from '../events/pdu.ts'
import { parsePropertyPath } from './property-path.ts'
import { PushEvent } from './push-event.ts'
import { PushRuleSet } from './push-rule-set.ts'
import type { PushCondition } from './push-rule.ts'

const alice = '@alice:hearth.test'
const bob = '@bob:hearth.test'
const roomId = '!room:hearth.test' as RoomId

function eventOf(event: JsonObject): PushEvent {
  const pdu = { type: 'm.room.message', sender: bob, content: {}, ...event } as Pdu
  return new PushEvent({ event: { eventId: '$event' as EventId, pdu }, roomId })
}

function message(content: JsonObject): PushEvent {
  return eventOf({ content: { msgtype: 'm.text', ...content } })
}

function matches(condition: PushCondition, event: PushEvent, displayName?: string | null): boolean {
  const rules = PushRuleSet.standard.put('override', { rule_id: 'x', actions: ['x'], conditions: [condition] })
  const recipient = { userId: alice, ...(displayName !== undefined && { displayName }) }
  return rules.compiled.actionsFor(event, recipient)[0] === 'x'
}

describe('the default rules', () => {
  const { compiled } = PushRuleSet.standard
  const highlight = { set_tweak: 'highlight' }
  const sound = { set_tweak: 'sound', value: 'default' }

  it.each<[string, JsonObject, readonly unknown[]]>([
    ['a message', { content: { msgtype: 'm.text', body: 'hi' } }, ['notify']],
    ['a notice', { content: { msgtype: 'm.notice', body: 'hi' } }, []],
    ['an encrypted event', { type: 'm.room.encrypted' }, ['notify']],
    ['a call', { type: 'm.call.invite' }, ['notify', { set_tweak: 'sound', value: 'ring' }]],
    ['a reaction', { type: 'm.reaction' }, []],
    ['a topic', { type: 'm.room.topic', state_key: '' }, []],
    ['a tombstone', { type: 'm.room.tombstone', state_key: '' }, ['notify', highlight]],
    ['a tombstone that is no state', { type: 'm.room.tombstone' }, []],
    ['a server ACL', { type: 'm.room.server_acl', state_key: '' }, []],
    [
      'an invitation for the user',
      { type: 'm.room.member', state_key: alice, content: { membership: 'invite' } },
      ['notify', sound],
    ],
    ['an invitation for others', { type: 'm.room.member', state_key: bob, content: { membership: 'invite' } }, []],
    ['a mention', { content: { body: 'x', 'm.mentions': { user_ids: [bob, alice] } } }, ['notify', sound, highlight]],
    ['a mention of others', { content: { body: 'x', 'm.mentions': { user_ids: [bob] } } }, ['notify']],
    ['an edit', { content: { body: 'x', 'm.relates_to': { rel_type: 'm.replace', event_id: '$x' } } }, []],
  ])('on %s', (_, event, actions) => {
    expect(compiled.actionsFor(eventOf(event), { userId: alice })).toEqual(actions)
  })

  it('ring in rooms of two', () => {
    const event = message({ body: 'hi' })
    event.memberCount = 2
    expect(compiled.actionsFor(event, { userId: alice })).toEqual(['notify', sound])
  })

  it('let those notify everybody who may', () => {
    const event = message({ body: '@room', 'm.mentions': { room: true } })
    expect(compiled.effectOf(event, { userId: alice })).toBeUndefined()
    event.senderMayNotify = () => false
    expect(compiled.actionsFor(event, { userId: alice })).toEqual(['notify'])
    event.senderMayNotify = (key) => key === 'room'
    expect(compiled.actionsFor(event, { userId: alice })).toEqual(['notify', highlight])
  })

  it('give the same effect whether or not there are two, so that nobody has to count', () => {
    expect(compiled.effectOf(message({ body: 'hi' }), { userId: alice })).toMatchObject({
      notifies: true,
      highlights: false,
    })
    const changed = PushRuleSet.standard.change('underride', '.m.rule.room_one_to_one', { actions: [] }).compiled
    const event = message({ body: 'hi' })
    expect(changed.effectOf(event, { userId: alice })).toBeUndefined()
    event.memberCount = 2
    expect(changed.effectOf(event, { userId: alice })).toMatchObject({ notifies: false })
  })

  it('say nothing at all when the master rule is enabled', () => {
    const muted = PushRuleSet.standard.change('override', '.m.rule.master', { enabled: true })
    const event = message({ body: 'x', 'm.mentions': { user_ids: [alice] } })
    expect(muted.compiled.effectOf(event, { userId: alice })).toMatchObject({ notifies: false, highlights: false })
  })
})

describe('the rules of a user', () => {
  it('come in the order override, content, room, sender, underride', () => {
    const kinds = ['underride', 'sender', 'room', 'content', 'override'] as const
    const ids = { underride: 'u', sender: bob, room: roomId, content: 'c', override: 'o' }
    let rules = PushRuleSet.standard
    for (const kind of kinds) {
      const parts = kind === 'content' ? { pattern: 'hi' } : kind.endsWith('ride') ? { conditions: [] } : {}
      rules = rules.put(kind, { rule_id: ids[kind], actions: [kind], ...parts })
      expect(rules.compiled.actionsFor(message({ body: 'hi' }), { userId: alice })).toEqual([kind])
    }
    for (const kind of kinds.toReversed()) {
      expect(rules.compiled.actionsFor(message({ body: 'hi' }), { userId: alice })).toEqual([kind])
      rules = rules.change(kind, ids[kind], { enabled: false })
    }
  })

  it('highlight as the tweak says', () => {
    const effect = (actions: readonly (string | { set_tweak: string; value?: boolean })[]) =>
      PushRuleSet.standard
        .put('room', { rule_id: roomId, actions })
        .compiled.effectOf(message({ body: 'hi' }), { userId: alice })
    expect(effect(['notify', { set_tweak: 'highlight' }])).toMatchObject({ notifies: true, highlights: true })
    expect(effect(['notify', { set_tweak: 'highlight', value: false }])).toMatchObject({ highlights: false })
    expect(effect([{ set_tweak: 'highlight' }])).toMatchObject({ notifies: false, highlights: false })
    expect(effect(['dont_notify', 'coalesce'])).toMatchObject({ notifies: false, highlights: false })
  })
})

describe('conditions', () => {
  it('match properties by their path, escaped where names have dots', () => {
    const event = eventOf({ content: { 'm.relates_to': { 'a\\b': 'Deep' }, topic: 'Lunch plans', n: 5 } })
    const key = 'content.m\\.relates_to.a\\\\b'
    expect(matches({ kind: 'event_match', key, pattern: 'deep' }, event)).toBe(true)
    expect(matches({ kind: 'event_match', key: 'content.m.relates_to.a\\\\b', pattern: '*' }, event)).toBe(false)
    expect(matches({ kind: 'event_match', key: 'content.topic', pattern: 'lunc?*' }, event)).toBe(true)
    expect(matches({ kind: 'event_match', key: 'content.n', pattern: '*' }, event)).toBe(false)
    expect(matches({ kind: 'event_match', key: 'content.__proto__.x', pattern: '*' }, event)).toBe(false)
    expect(matches({ kind: 'event_match', key: 'room_id', pattern: roomId }, event)).toBe(true)
    expect(matches({ kind: 'event_match', key: 'hashes.sha256', pattern: '*' }, event)).toBe(false)
    expect(parsePropertyPath('a\\x.b\\\\.c\\.d')).toEqual(['a\\x', 'b\\', 'c.d'])
  })

  it('match values exactly', () => {
    const event = eventOf({ content: { yes: true, n: 1, none: null, list: ['#a', 2, null, ['#b']] } })
    const is = (key: string, value: string | number | boolean | null) =>
      matches({ kind: 'event_property_is', key: `content.${key}`, value }, event)
    expect([is('yes', true), is('yes', 'true'), is('n', 1), is('n', true), is('none', null)]).toEqual([
      true,
      false,
      true,
      false,
      true,
    ])
    expect(is('absent', null)).toBe(false)
    const contains = (value: string | number | null) =>
      matches({ kind: 'event_property_contains', key: 'content.list', value }, event)
    expect([contains('#a'), contains(2), contains(null), contains('#b'), contains('a')]).toEqual([
      true,
      true,
      true,
      false,
      false,
    ])
  })

  it('find the display name as words', () => {
    const condition = { kind: 'contains_display_name' }
    const event = message({ body: 'hello A.* Lice!' })
    expect(matches(condition, event, 'a.* lice')).toBe(true)
    expect(matches(condition, event, 'lic')).toBe(false)
    expect(matches(condition, event, '')).toBe(false)
    expect(matches(condition, event, null)).toBe(false)
    expect(matches(condition, event)).toBe(false)
  })

  it('compare the number of members', () => {
    const event = message({ body: 'hi' })
    event.memberCount = 3
    const is = (text: string) => matches({ kind: 'room_member_count', is: text }, event)
    expect(['3', '==3', '<4', '>2', '<=3', '>=3'].every(is)).toBe(true)
    expect(['2', '<3', '>3', '<=2', '>=4', '!3', '', '3x'].some(is)).toBe(false)
  })

  it('never hold when they are unknown or malformed', () => {
    const event = message({ body: 'hi' })
    for (const condition of [
      { kind: 'org.example' },
      { kind: 'event_match' },
      { kind: 'event_match', key: 'type', pattern: 1 },
      { kind: 'event_property_is', key: 'type' },
      { kind: 'event_property_contains', key: 1 },
      { kind: 'room_member_count', is: 3 },
      { kind: 'sender_notification_permission' },
    ]) {
      expect(matches(condition, event)).toBe(false)
    }
  })
})
