import { createTestDatabase, type TestDatabase } from '@hearth/test-kit'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { eventFlags, type NewEvent, type Store } from '../src/index.ts'
import { append, committed, createRoom, newEvent, newEventId, openStore } from './fixtures/event-store.ts'

let database: TestDatabase
let store: Store
let roomNid: number

beforeAll(async () => {
  database = await createTestDatabase()
  store = await openStore(database.url)
})
afterAll(async () => {
  await store.close()
  await database.drop()
})
beforeEach(async () => {
  roomNid = await createRoom(store)
})

const parentId = newEventId()
const child = (relType: string, overrides: Partial<NewEvent> = {}) =>
  newEvent({ relation: { parentId, relType }, flags: eventFlags.outgoing, ...overrides })
const everything = { after: 0, upTo: Number.MAX_SAFE_INTEGER, direction: 'f', limit: 100, depth: 1 } as const
const add = async (...events: NewEvent[]) => committed(await append(store, roomNid, ...events)).firstPos
const children = async () => {
  const rows = await store.relations.list({ eventId: parentId, roomNid, ...everything })
  return rows.map(({ nid }) => nid)
}
const threadPositions = async () => {
  const rows = await store.database.query<{ pos: number }>(
    null,
    'select last_pos as pos from threads where room_nid = $1',
    [roomNid],
  )
  return rows.map(({ pos }) => pos)
}

describe('relations', () => {
  it('are written with their child, though the parent is not there', async () => {
    const nid = await add(child('m.reference'), newEvent(), child('m.thread'))
    expect(await children()).toEqual([nid, nid + 2])
    expect(await threadPositions()).toEqual([nid + 2])
  })

  it('are not written with a commit that lost a race', async () => {
    const head = (await store.roomHeads.find(roomNid))!
    await add(newEvent())
    const outcome = await store.persister.commit({
      roomNid,
      expectedPos: head.lastPos,
      stateNid: head.stateNid,
      events: [child('m.thread')],
      extremities: [-1],
    })
    expect(outcome.kind).toBe('head-moved')
    expect(await children()).toEqual([])
    expect(await threadPositions()).toEqual([])
  })

  it('are broken by the redaction of their child, in the same commit and later', async () => {
    const nid = await add(child('m.thread'), child('m.thread'))
    await add(newEvent({ redacts: { target: nid + 1, prunedJson: '{}' } }))
    expect(await children()).toEqual([nid])
    expect(await threadPositions()).toEqual([nid])
    await add(newEvent({ redacts: { target: nid, prunedJson: '{}' } }))
    expect(await threadPositions()).toEqual([])
    await add(child('m.thread'), newEvent({ redacts: { target: -1, prunedJson: '{}' } }))
    expect(await children()).toEqual([])
    expect(await threadPositions()).toEqual([])
  })

  it('are not broken by a redaction in another room', async () => {
    const nid = await add(child('m.thread'))
    await append(store, await createRoom(store), newEvent({ redacts: { target: nid, prunedJson: '{}' } }))
    expect(await children()).toEqual([nid])
  })

  it('go with their room', async () => {
    await add(child('m.thread'))
    await store.roomDeletion.delete(roomNid)
    expect(await children()).toEqual([])
    expect(await threadPositions()).toEqual([])
  })

  it('of one commit may be many, of several threads', async () => {
    const other = newEventId()
    const nid = await add(
      child('m.thread'),
      child('m.thread', { relation: { parentId: other, relType: 'm.thread' } }),
      child('m.thread'),
    )
    expect((await threadPositions()).toSorted()).toEqual([nid + 1, nid + 2])
  })
})

describe('an indirect relation', () => {
  it('is looked for as far as it is asked for, though events relate in a circle', async () => {
    const [first, second] = [newEventId(), newEventId()]
    const nid = await add(
      newEvent({ eventId: first, relation: { parentId: second, relType: 'm.reference' } }),
      newEvent({ eventId: second, relation: { parentId: first, relType: 'm.reference' } }),
    )
    const rows = await store.relations.list({ ...everything, eventId: first, roomNid, depth: 3 })
    expect(rows.map((row) => row.nid)).toEqual([nid, nid + 1])
  })
})
