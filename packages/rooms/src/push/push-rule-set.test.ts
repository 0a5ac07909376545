import { describe, expect, it } from 'vitest'
import { PushRuleSet } from './push-rule-set.ts'

const alice = '@alice:hearth.test'

describe('PushRuleSet', () => {
  it('keeps only how it differs from the rules of the server', () => {
    const rules = PushRuleSet.standard
      .put('content', { rule_id: 'cake', actions: ['notify'], pattern: 'cake' })
      .change('override', '.m.rule.master', { enabled: true })
    expect(JSON.parse(rules.toText())).toEqual({
      rules: {
        override: [],
        content: [{ rule_id: 'cake', default: false, enabled: true, actions: ['notify'], pattern: 'cake' }],
        room: [],
        sender: [],
        underride: [],
      },
      defaults: [['.m.rule.master', { enabled: true }]],
    })
    expect(PushRuleSet.parse(rules.toText()).rulesOf(alice)).toEqual(rules.rulesOf(alice))
  })

  it('gives a room the rules of the one that it replaces', () => {
    const mute = { kind: 'event_match', key: 'room_id', pattern: '!old:hearth.test' }
    const other = { kind: 'event_match', key: 'content.body', pattern: '!old:hearth.test' }
    const rules = PushRuleSet.standard
      .put('room', { rule_id: '!old:hearth.test', actions: [] })
      .put('room', { rule_id: '!other:hearth.test', actions: ['notify'] })
      .put('override', { rule_id: 'talks of it', actions: [], conditions: [other] })
      .put('override', { rule_id: '!old:hearth.test', actions: [], conditions: [mute] })
      .put('underride', { rule_id: 'named', actions: ['notify'], conditions: [other, mute] })
      .change('override', '!old:hearth.test', { enabled: false })
    const copied = rules.copyRoom('!old:hearth.test', '!new')
    const { override, room, underride } = copied.rulesOf(alice)
    expect(room.map(({ rule_id: id }) => id)).toEqual(['!other:hearth.test', '!old:hearth.test', '!new'])
    expect(override.slice(1, 4)).toEqual([
      { rule_id: '!old:hearth.test', default: false, enabled: false, actions: [], conditions: [mute] },
      { rule_id: '!new', default: false, enabled: false, actions: [], conditions: [{ ...mute, pattern: '!new' }] },
      { rule_id: 'talks of it', default: false, enabled: true, actions: [], conditions: [other] },
    ])
    expect(underride[1]).toMatchObject({
      rule_id: 'named_!new',
      conditions: [other, { ...mute, pattern: '!new' }],
    })
    expect(copied.copyRoom('!old:hearth.test', '!new').toText()).toBe(copied.toText())
    expect(rules.copyRoom('!unknown:hearth.test', '!new')).toBe(rules)
  })

  it('knows how much text it looks for', () => {
    const rules = PushRuleSet.standard.put('content', { rule_id: 'a', actions: [], pattern: 'cake' }).put('override', {
      rule_id: 'b',
      actions: [],
      conditions: [
        { kind: 'event_match', key: 'room_id', pattern: '!room:hearth.test' },
        { kind: 'event_match', key: 'content.body', pattern: 'tea' },
        { kind: 'event_match', key: 'type', pattern: 'm.*' },
      ],
    })
    expect(rules.searchLength).toBe('cake'.length + 'tea'.length + 'm.*'.length)
    expect(rules.ownCount).toBe(2)
  })
})
