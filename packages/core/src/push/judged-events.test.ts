import type { RoomId } from '@hearth/protocol'
import type { RoomEvent } from '@hearth/rooms'
import { Metrics } from '@hearth/runtime'
import type { EventRow } from '@hearth/store'
import { describe, expect, it } from 'vitest'
import type { RoomEvents } from '../rooms/room-events.ts'
import type { Room } from '../rooms/room.ts'
import { JudgedEvents } from './judged-events.ts'

const room = { nid: 1, id: '!room:hearth.test' as RoomId } as Room
const event = (eventId: string, relation: object) =>
  ({
    eventId,
    pdu: { type: 'm.room.message', sender: '@a:hearth.test', content: { 'm.relates_to': relation } },
  }) as unknown as RoomEvent

describe('the thread of an event', () => {
  it('is looked up again when the database was away', async () => {
    const inThread = event('$reply', { rel_type: 'm.thread', event_id: '$root' })
    let asked = 0
    const findByIds = async () => {
      asked += 1
      if (asked === 1) throw new Error('the database is away')
      return [{ roomNid: room.nid } as EventRow]
    }
    const judged = new JudgedEvents({
      store: { events: { findByIds } } as unknown as ConstructorParameters<typeof JudgedEvents>[0]['store'],
      events: { parse: () => inThread } as unknown as RoomEvents,
      metrics: new Metrics(),
    })
    const reference = event('$reference', { rel_type: 'm.reference', event_id: '$reply' })
    await expect(judged.threadOf(room, reference)).rejects.toThrow('away')
    expect(await judged.threadOf(room, reference)).toBe('$root')
    expect(await judged.threadOf(room, reference)).toBe('$root')
    expect(asked).toBe(2)
  })
})
