import type { EventId } from '@hearth/protocol'
import { Metrics } from '@hearth/runtime'
import type { EventRow, Store } from '@hearth/store'
import { describe, expect, it } from 'vitest'
import { RoomEvents } from './room-events.ts'

const nid = 7
const row = (content: object, redactedBy: number | null): EventRow =>
  ({ nid, eventId: '$a' as EventId, json: JSON.stringify({ type: 'm.room.message', content }), redactedBy }) as EventRow
const said = row({ body: 'a secret' }, null)
const redacted = row({}, 8)

/** Events of a store that holds the redacted one. */
function setUp(): RoomEvents {
  const store = { events: { findByNids: async () => [redacted] } } as unknown as Store
  return new RoomEvents({ store, serverName: 'hearth.test', cacheBytes: 1_000_000, metrics: new Metrics() })
}

describe('RoomEvents', () => {
  it('do not keep what was read of an event before its redaction', async () => {
    const events = setUp()
    events.parse(said)
    events.forget(nid)
    // A page of the stream that was read before may be worked on until after.
    events.parse(said)
    expect((await events.findByNids([nid])).get(nid)?.pdu.content).toEqual({})
    expect(events.parse(redacted).pdu.content).toEqual({})
  })

  it('go by the row where it says more than what is kept', () => {
    const events = setUp()
    events.parse(said)
    expect(events.parse(redacted).pdu.content).toEqual({})
    expect(events.parse(said).pdu.content).toEqual({})
  })
})
