import { createTestDatabase, type TestDatabase } from '@hearth/test-kit'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import {
  BackfillOvertaken,
  eventFlags,
  gapOfPosition,
  type Backfilled,
  type BackfilledEvent,
  type NewEvent,
  type Store,
  type StoredOutlier,
} from '../src/index.ts'
import {
  append,
  committed,
  createRoom,
  headOf,
  newEvent,
  newEventId,
  newStateEvent,
  openStore,
} from './fixtures/event-store.ts'

let database: TestDatabase
let store: Store

beforeAll(async () => {
  database = await createTestDatabase()
  store = await openStore(database.url)
})

afterAll(async () => {
  await store.close()
  await database.drop()
})

/** An event that is stored as an outlier, with the place that it is to have. */
async function backfilled(roomNid: number, event: NewEvent, stateNid: number): Promise<BackfilledEvent> {
  const [{ nid }] = (await store.outliers.insert(roomNid, [event])) as [StoredOutlier]
  const { typeNid, senderNid, redacts, relation } = event
  const isState = event.stateKeyNid !== null
  const places = { stateBeforeNid: stateNid, stateNid: isState ? nid : stateNid, isRejected: false }
  return { nid, isState, typeNid, senderNid, redacts, relation, ...places }
}

function adopt(roomNid: number, stretch: Partial<Backfilled>): Promise<void> {
  return store.backfilledEvents.adopt({ roomNid, gap: 0, events: [], states: [], missing: [], givenUp: [], ...stretch })
}

describe('backward extremities', () => {
  it('are the previous events that are missing, until they come', async () => {
    const roomNid = await createRoom(store)
    const [missing, child] = [newEvent(), newEvent()]
    await store.backwardExtremities.insert(roomNid, [{ missing: missing.eventId, child: child.eventId }])
    // Their child has not been committed.
    expect(await store.backwardExtremities.list(roomNid, 10)).toEqual([])
    const { lastPos, stateNid } = committed(await append(store, roomNid, child))
    expect(await store.backwardExtremities.list(roomNid, 10)).toEqual([
      { missing: missing.eventId, child: child.eventId, childPos: lastPos, childStateNid: stateNid },
    ])
    await append(store, roomNid, missing)
    expect(await store.backwardExtremities.list(roomNid, 10)).toEqual([])
  })
})

describe('backfilled events', () => {
  it('stand before everything that came live, the older the further back', async () => {
    const roomNid = await createRoom(store)
    const head = await headOf(store, roomNid)
    const [newest, older, oldest] = [newEvent(), newEvent(), newEvent()]
    const place = (event: NewEvent) => backfilled(roomNid, event, head.stateNid)
    await adopt(roomNid, { events: [await place(newest), await place(older)] })
    await adopt(roomNid, { events: [await place(oldest)] })
    const range = { after: Number.MIN_SAFE_INTEGER, upTo: head.lastPos, direction: 'f', limit: 10 } as const
    const rows = await store.events.listRoomEvents(roomNid, range)
    expect(rows.slice(0, 3).map(({ eventId }) => eventId)).toEqual([oldest.eventId, older.eventId, newest.eventId])
    expect(rows[2]!.streamPos).toBeLessThan(0)
    expect(await headOf(store, roomNid)).toEqual(head)
  })

  it('have states that differ from those of later events', async () => {
    const roomNid = await createRoom(store)
    const topic = newStateEvent()
    await append(store, roomNid, topic)
    const head = await headOf(store, roomNid)
    const [stateNid] = await store.backfilledEvents.reserveNids(1)
    const removed = { typeNid: topic.typeNid, stateKeyNid: topic.stateKeyNid!, event: null }
    const earlier = await backfilled(roomNid, newStateEvent(), stateNid!)
    const states = [{ stateNid: stateNid!, baseNid: head.stateNid, changes: [removed] }]
    await adopt(roomNid, { events: [earlier], states })
    const before = await store.states.loadBefore(roomNid, earlier.nid)
    expect(before.get(removed.typeNid, removed.stateKeyNid)).toBeUndefined()
    const after = await store.states.load(roomNid, earlier.stateNid)
    expect(after.get(removed.typeNid, removed.stateKeyNid)).toBe(earlier.nid)
  })

  it('have no position where the state before them does not allow them, and are missing no longer', async () => {
    const roomNid = await createRoom(store)
    const [refused, child] = [newEvent(), newEvent()]
    await store.backwardExtremities.insert(roomNid, [{ missing: refused.eventId, child: child.eventId }])
    await append(store, roomNid, child)
    expect(await store.backwardExtremities.findMissing(roomNid, [refused.eventId, child.eventId])).toEqual(
      new Set([refused.eventId]),
    )
    const { stateNid } = await headOf(store, roomNid)
    await adopt(roomNid, { events: [{ ...(await backfilled(roomNid, refused, stateNid)), isRejected: true }] })
    const [row] = await store.events.findByIds([refused.eventId])
    expect(row).toMatchObject({ streamPos: null, stateNid, flags: eventFlags.rejected })
    expect(await store.backwardExtremities.findMissing(roomNid, [refused.eventId])).toEqual(new Set())
  })

  it('fill a gap within the timeline, and say where it is', async () => {
    const roomNid = await createRoom(store)
    const { firstPos } = committed(await append(store, roomNid, newEvent()))
    expect(await store.timelineGaps.numberBefore(roomNid, firstPos)).toBe(1)
    expect(await store.timelineGaps.numberBefore(roomNid, firstPos)).toBe(1)
    const late = newEvent()
    const { stateNid } = await headOf(store, roomNid)
    await adopt(roomNid, { gap: 1, events: [await backfilled(roomNid, late, stateNid)] })
    const [row] = await store.events.findByIds([late.eventId])
    expect(gapOfPosition(row!.streamPos!)).toBe(1)
    expect(await store.timelineGaps.list(roomNid)).toEqual([{ number: 1, beforePos: firstPos }])
    const range = { after: 0, upTo: firstPos, direction: 'f', limit: 1 } as const
    const [first] = await store.events.listRoomEvents(roomNid, range)
    expect(await store.timelineGaps.numberBefore(roomNid, first!.streamPos!)).toBe(0)
  })

  it('are redacted by what was redacted before they came, and redact what is there', async () => {
    const roomNid = await createRoom(store)
    const { stateNid, extremities } = await headOf(store, roomNid)
    const [target, redaction] = [newEvent(), newEvent()]
    const early = { ...redaction, redacts: { unknownTarget: target.eventId } }
    await adopt(roomNid, { events: [await backfilled(roomNid, early, stateNid)] })
    const [pending] = await store.redactions.findPending([target.eventId])
    const redacted = { by: pending!.nid, prunedJson: '{}' }
    await adopt(roomNid, { events: [{ ...(await backfilled(roomNid, target, stateNid)), redacted }] })
    expect(await store.redactions.findPending([target.eventId])).toEqual([])
    const [row] = await store.events.findByIds([target.eventId])
    expect(row).toMatchObject({ redactedBy: pending!.nid, json: '{}' })

    const second = newEvent({ redacts: { target: extremities[0]!, prunedJson: '{"pruned":true}' } })
    await adopt(roomNid, { events: [await backfilled(roomNid, second, stateNid)] })
    expect((await store.events.findByNids([extremities[0]!]))[0]?.json).toBe('{"pruned":true}')
  })

  it('keep their places, all of them, when one of them got one meanwhile', async () => {
    const roomNid = await createRoom(store)
    const { stateNid } = await headOf(store, roomNid)
    const [placed, fresh] = [newEvent(), newEvent()]
    const place = (event: NewEvent) => backfilled(roomNid, event, stateNid)
    await adopt(roomNid, { events: [await place(placed)] })
    const again = adopt(roomNid, { events: [await place(fresh), await place(placed)] })
    await expect(again).rejects.toBeInstanceOf(BackfillOvertaken)
    expect((await store.events.findByIds([fresh.eventId]))[0]?.streamPos).toBeNull()
  })

  it('are given up where nobody has them', async () => {
    const roomNid = await createRoom(store)
    const [missing, child] = [newEventId(), newEvent()]
    await store.backwardExtremities.insert(roomNid, [{ missing, child: child.eventId }])
    await append(store, roomNid, child)
    await adopt(roomNid, { givenUp: [missing] })
    expect(await store.backwardExtremities.list(roomNid, 10)).toEqual([])
  })
})
