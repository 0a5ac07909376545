import { createTestDatabase, type TestDatabase } from '@hearth/test-kit'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { ClientTransaction, Store } from '../src/index.ts'
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

let transactions = 0

function newTransaction(deviceNid = 1): ClientTransaction {
  return { deviceNid, scope: Buffer.alloc(16, 7), txnId: `m${++transactions}` }
}

describe('client transactions', () => {
  it('finds the event of a transaction, and the transaction of an event', async () => {
    const txn = newTransaction()
    const event = newEvent({ txn })
    const { firstPos } = committed(await append(store, await createRoom(store), event, newEvent()))
    expect(await other.clientTransactions.find(txn)).toEqual({ nid: firstPos, eventId: event.eventId })
    expect(await other.clientTransactions.find(newTransaction())).toBeUndefined()
    expect(await other.clientTransactions.findIds(1, [firstPos, firstPos + 1])).toEqual(
      new Map([[firstPos, txn.txnId]]),
    )
    expect(await other.clientTransactions.findIds(2, [firstPos])).toEqual(new Map())
  })

  it('tells devices, scopes and ids apart, whatever their lengths', async () => {
    const roomNid = await createRoom(store)
    const scope = Buffer.alloc(16, 1)
    const long = 'x'.repeat(60_000)
    const all: ClientTransaction[] = [
      { deviceNid: 1, scope, txnId: 'a' },
      { deviceNid: 2, scope, txnId: 'a' },
      { deviceNid: 1, scope: Buffer.alloc(16, 2), txnId: 'a' },
      { deviceNid: 1, scope, txnId: '' },
      { deviceNid: 1, scope, txnId: long },
      { deviceNid: 1, scope, txnId: `${long}y` },
    ]
    committed(await append(store, roomNid, ...all.map((txn) => newEvent({ txn }))))
    for (const [index, txn] of all.entries()) {
      const outcome = await append(other, roomNid, newEvent({ txn }))
      expect(outcome).toMatchObject({ kind: 'duplicate-txn', index: 0, nid: expect.any(Number) as number })
      expect((await store.clientTransactions.find(txn))!.nid).toBe((await headOf(store, roomNid)).lastPos - 5 + index)
    }
  })

  it('refuses a repetition in a later batch with the first event, from this or another process', async () => {
    const roomNid = await createRoom(store)
    const txn = newTransaction()
    const event = newEvent({ txn })
    const { firstPos } = committed(await append(store, roomNid, newEvent(), event))
    const duplicate = { kind: 'duplicate-txn', nid: firstPos + 1, eventId: event.eventId }
    for (const repeating of [store, other]) {
      expect(await append(repeating, roomNid, newEvent({ txn }))).toEqual({ ...duplicate, index: 0 })
      // Also on a head that has moved, and in another room.
      const stale = commitOn({ ...(await headOf(store, roomNid)), lastPos: 1 }, [
        newEvent(),
        newEvent(),
        newEvent({ txn }),
      ])
      expect(await repeating.persister.commit(stale)).toEqual({ ...duplicate, index: 2 })
      expect(await append(repeating, await createRoom(store), newEvent({ txn }))).toEqual({ ...duplicate, index: 0 })
    }
    expect(await store.streams.position()).toBe((await store.events.findByIds([event.eventId]))[0]!.nid + 4)
  })

  it('refuses a repetition that is committed at the same time: one of the two is written', async () => {
    const [first, second] = await Promise.all([createRoom(store), createRoom(store)])
    for (const pair of [
      [store, store],
      [store, other],
    ] as const) {
      const txn = newTransaction()
      const heads = await Promise.all([headOf(store, first), headOf(store, second)])
      const outcomes = await Promise.all(
        pair.map((each, i) => each.persister.commit(commitOn(heads[i]!, [newEvent({ txn })]))),
      )
      expect(outcomes.map(({ kind }) => kind).sort()).toEqual(['committed', 'duplicate-txn'])
    }
  })

  it('refuses a repetition within one commit before anything is written', async () => {
    const roomNid = await createRoom(store)
    const txn = newTransaction()
    const event = newEvent({ txn })
    const outcome = await append(
      store,
      roomNid,
      newEvent(),
      event,
      newEvent({ txn: newTransaction() }),
      newEvent({ txn }),
    )
    expect(outcome).toEqual({ kind: 'duplicate-txn', index: 3, nid: -2, eventId: event.eventId })
    expect(await store.clientTransactions.find(txn)).toBeUndefined()
  })

  it('forgets transactions of events that are old enough, oldest first and bit by bit', async () => {
    await store.database.execute(null, 'delete from client_txn')
    const roomNid = await createRoom(store)
    const sent = [100, 200, 300, 400].map((ts) => newEvent({ ts, txn: newTransaction() }))
    for (const event of sent) await append(store, roomNid, event)
    expect(await store.clientTransactions.deleteOlderThan(400, 2)).toBe(2)
    expect(await store.clientTransactions.deleteOlderThan(400, 2)).toBe(1)
    expect(await store.clientTransactions.deleteOlderThan(400, 2)).toBe(0)
    expect(await store.clientTransactions.find(sent[2]!.txn!)).toBeUndefined()
    expect(await store.clientTransactions.find(sent[3]!.txn!)).toBeDefined()
  })
})
