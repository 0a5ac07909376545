import { createTestDatabase, type TestDatabase } from '@hearth/test-kit'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { wellKnownTypes, type NewEvent, type RedactionTarget, type Store } from '../src/index.ts'
import { append, commitOn, committed, createRoom, headOf, newEvent, openStore } from './fixtures/event-store.ts'

let database: TestDatabase
let store: Store
let other: Store

beforeAll(async () => {
  database = await createTestDatabase()
  store = await openStore(database.url)
  other = await openStore(database.url)
})

afterAll(async () => {
  await Promise.all([store.close(), other.close()])
  await database.drop()
})

const prunedJson = '{"content":{}}'

function newRedaction(redacts: RedactionTarget): NewEvent {
  return newEvent({ typeNid: wellKnownTypes['m.room.redaction'], redacts })
}

describe('redactions', () => {
  it('replace the JSON of their target in their own transaction', async () => {
    const roomNid = await createRoom(store)
    const target = newEvent()
    const { firstPos } = committed(await append(store, roomNid, target, newEvent()))
    expect((await store.events.findByNids([firstPos]))[0]!.json).toBe(target.json)
    const redaction = committed(await append(store, roomNid, newRedaction({ target: firstPos, prunedJson })))
    for (const reader of [store, other]) {
      const [row] = await reader.events.findByNids([firstPos])
      expect(row).toMatchObject({ json: prunedJson, redactedBy: redaction.firstPos, eventId: target.eventId })
    }
    expect(await store.redactions.findPending([target.eventId])).toEqual([])
  })

  it('reach a target of the same commit', async () => {
    const roomNid = await createRoom(store)
    const { firstPos } = committed(
      await append(store, roomNid, newEvent(), newEvent(), newRedaction({ target: -2, prunedJson })),
    )
    const rows = await store.events.findByNids([firstPos, firstPos + 1])
    expect(rows.map(({ redactedBy }) => redactedBy)).toEqual([null, firstPos + 2])
    expect(await other.events.findByNids([firstPos, firstPos + 1])).toEqual(rows)
  })

  it('do nothing to an event that is redacted already, or is of another room', async () => {
    const roomNid = await createRoom(store)
    const target = committed(await append(store, roomNid, newEvent())).firstPos
    const first = committed(await append(store, roomNid, newRedaction({ target, prunedJson })))
    committed(await append(store, roomNid, newRedaction({ target, prunedJson: '{"again":true}' })))
    const elsewhere = committed(await append(store, await createRoom(store), newEvent())).firstPos
    committed(await append(store, roomNid, newRedaction({ target: elsewhere, prunedJson })))
    const rows = await other.events.findByNids([target, elsewhere])
    expect(rows.map(({ redactedBy }) => redactedBy)).toEqual([first.firstPos, null])
    expect(rows[0]!.json).toBe(prunedJson)
  })

  it('that come first wait for their target, and apply when it comes', async () => {
    const roomNid = await createRoom(store)
    const target = newEvent()
    const redaction = committed(await append(store, roomNid, newRedaction({ unknownTarget: target.eventId })))
    const [pending] = await other.redactions.findPending([target.eventId, newEvent().eventId])
    expect(pending).toEqual({ nid: redaction.firstPos, roomNid, targetId: target.eventId })
    const late = { ...target, json: prunedJson, redactedBy: pending!.nid }
    const { firstPos } = committed(await append(other, roomNid, newEvent(), late))
    for (const reader of [store, other]) {
      expect(await reader.events.findByNids([firstPos + 1])).toMatchObject([
        { json: prunedJson, redactedBy: pending!.nid },
      ])
    }
    expect(await store.redactions.findPending([target.eventId])).toEqual([])
  })

  it('that come while their target is being committed make its commit fail, so that neither misses the other', async () => {
    const roomNid = await createRoom(store)
    const target = newEvent()
    const head = await headOf(store, roomNid)
    expect(await store.redactions.findPending([target.eventId])).toEqual([])
    committed(await append(other, roomNid, newRedaction({ unknownTarget: target.eventId })))
    expect(await store.persister.commit(commitOn(head, [target]))).toMatchObject({ kind: 'head-moved' })
    expect(await store.redactions.findPending([target.eventId])).toHaveLength(1)
  })

  it('by another process reach this process’s memory with the stream', async () => {
    const roomNid = await createRoom(store)
    const target = committed(await append(store, roomNid, newEvent())).firstPos
    const position = await store.streams.position()
    expect((await store.events.findByNids([target]))[0]!.redactedBy).toBeNull()
    committed(await append(other, roomNid, newEvent(), newRedaction({ target, prunedJson })))
    const { changes } = await store.streams.readChanges(position, await store.streams.position(), 100)
    expect(changes).toMatchObject([{ redactedNid: null }, { redactedNid: target }])
    expect((await store.events.findByNids([target]))[0]!.json).toBe(prunedJson)
  })
})
