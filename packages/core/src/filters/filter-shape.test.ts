import type { JsonValue } from '@hearth/protocol'
import { describe, expect, it } from 'vitest'
import { roomEventFilter, syncFilter } from './filter-shape.ts'

describe('syncFilter', () => {
  it('takes the example of the specification, and what it does not know', () => {
    const filter = syncFilter({
      event_fields: ['type', 'content', 'sender'],
      event_format: 'client',
      presence: { not_senders: ['@alice:example.com'], types: ['m.presence'] },
      room: {
        ephemeral: { not_rooms: ['!726s6s6q:example.com'], types: ['m.receipt', 'm.typing'] },
        state: { types: ['m.room.*'], not_rooms: ['!726s6s6q:example.com'], lazy_load_members: true },
        timeline: { limit: 10, types: ['m.room.message'] },
      },
      'org.example.later': { x: 1.5 },
    })
    expect(filter.timelineLimit).toBe(10)
    expect(filter.lazyLoadsMembers).toBe(true)
    expect(syncFilter({}).timelineLimit).toBe(10)
  })

  it('loads members lazily where the filter of the state says so', () => {
    const lazy = { lazy_load_members: true }
    expect(syncFilter({ room: { state: lazy } }).lazyLoadsMembers).toBe(true)
    expect(syncFilter({ room: { timeline: lazy } }).lazyLoadsMembers).toBe(false)
  })

  it.each<JsonValue>([
    null,
    [],
    'x',
    { room: [] },
    { room: null },
    { event_format: 'xml' },
    { event_fields: 'type' },
    { event_fields: [1] },
    { presence: { senders: ['alice'] } },
    { room: { rooms: ['#alias:example.com'] } },
    { room: { timeline: { limit: -1 } } },
    { room: { timeline: { limit: 1.5 } } },
    { room: { timeline: { limit: '10' } } },
    { room: { state: { lazy_load_members: 'yes' } } },
    { room: { state: { types: Array.from({ length: 1001 }, () => 'a') } } },
  ])('refuses %j', (definition) => {
    expect(() => syncFilter(definition)).toThrow(expect.objectContaining({ errcode: 'M_BAD_JSON' }))
  })

  it('keys called as properties of every object are not looked up there', () => {
    expect(() => syncFilter(JSON.parse('{"__proto__":{"room":5},"constructor":1}') as JsonValue)).not.toThrow()
  })
})

describe('roomEventFilter', () => {
  it('is what messages and context take', () => {
    expect(roomEventFilter({ types: ['m.room.message'], limit: 5 }).limit).toBe(5)
    expect(() => roomEventFilter({ contains_url: 1 })).toThrow(expect.objectContaining({ errcode: 'M_BAD_JSON' }))
  })
})
