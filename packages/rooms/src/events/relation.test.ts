import type { JsonObject, JsonValue } from '@hearth/protocol'
import { describe, expect, it } from 'vitest'
import { relationOf } from './relation.ts'

const message = (relatesTo: JsonValue, more: JsonObject = {}) => ({
  type: 'm.room.message',
  content: { 'm.relates_to': relatesTo, ...more },
})

describe('relationOf', () => {
  it('reads what an event relates to', () => {
    expect(relationOf(message({ rel_type: 'm.reference', event_id: '$x' }))).toEqual({
      relType: 'm.reference',
      parentId: '$x',
    })
    expect(relationOf(message({ rel_type: 'm.annotation', event_id: '$x', key: '' }))).toMatchObject({ key: '' })
  })

  it.each<JsonValue>([
    null,
    'x',
    [],
    {},
    { event_id: '$x' },
    { rel_type: 'm.reference' },
    { rel_type: '', event_id: '$x' },
    { rel_type: 'x'.repeat(256), event_id: '$x' },
    { rel_type: 'a\0b', event_id: '$x' },
    { rel_type: '\ud800', event_id: '$x' },
    { rel_type: 'm.reference', event_id: 'x' },
    { rel_type: 'm.reference', event_id: '$a\0b' },
    { rel_type: 'm.annotation', event_id: '$x' },
    { 'm.in_reply_to': { event_id: '$x' } },
  ])('finds none in %j', (relatesTo) => {
    expect(relationOf(message(relatesTo))).toBeUndefined()
  })

  it('takes an edit only of a message that brings new content, which may be encrypted', () => {
    const relatesTo = { rel_type: 'm.replace', event_id: '$x' }
    expect(relationOf(message(relatesTo))).toBeUndefined()
    expect(relationOf(message(relatesTo, { 'm.new_content': {} }))).toBeDefined()
    expect(relationOf({ ...message(relatesTo), type: 'm.room.encrypted' })).toBeDefined()
    expect(relationOf({ ...message(relatesTo, { 'm.new_content': {} }), state_key: '' })).toBeUndefined()
  })

  it('lets state events refer, but be in no thread', () => {
    const state = (relType: string) => ({ ...message({ rel_type: relType, event_id: '$x' }), state_key: '' })
    expect(relationOf(state('m.reference'))).toBeDefined()
    expect(relationOf(state('m.thread'))).toBeUndefined()
  })
})
