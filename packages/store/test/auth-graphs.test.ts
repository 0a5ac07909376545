import { createTestDatabase, type TestDatabase } from '@hearth/test-kit'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { Store } from '../src/index.ts'
import {
  append,
  committed,
  createRoom,
  newEvent,
  newMemberEvent,
  newStateEvent,
  openStore,
} from './fixtures/event-store.ts'

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

describe('AuthGraphs', () => {
  it('loads a room’s graph with one query and lets it grow with what is committed', async () => {
    const roomNid = await createRoom(store)
    const create = committed(await append(store, roomNid, newEvent())).firstPos - 2
    const { firstPos } = committed(
      await append(
        store,
        roomNid,
        newStateEvent({ typeNid: 3, auth: [create, create + 1] }),
        newEvent(),
        newMemberEvent(2, 'join', { auth: [create, -1] }),
      ),
    )
    const { statements } = store.database
    const graph = await store.authGraphs.load(roomNid, [firstPos + 2])
    expect(graph.authEventsOf(firstPos + 2)).toEqual([create, firstPos])
    expect(graph.authEventsOf(create + 1)).toEqual([create])
    expect(graph.isPowerLevels(firstPos)).toBe(true)
    expect(graph.authChain([firstPos + 2]).sort((a, b) => a - b)).toEqual([create, create + 1, firstPos])
    committed(await append(store, roomNid, newMemberEvent(3, 'join', { auth: [create, firstPos] })))
    expect(await store.authGraphs.load(roomNid, [firstPos + 3])).toBe(graph)
    expect(graph.authEventsOf(firstPos + 3)).toEqual([create, firstPos])
    // The graph, the head and the commit.
    expect(store.database.statements - statements).toBe(3)
  })

  it('notices what other processes have committed', async () => {
    const roomNid = await createRoom(store)
    await store.authGraphs.load(roomNid, [])
    const theirs = committed(await append(other, roomNid, newStateEvent({ typeNid: 3 }))).firstPos
    const ours = committed(await append(store, roomNid, newStateEvent({ auth: [theirs] }))).firstPos
    const graph = await store.authGraphs.load(roomNid, [ours])
    expect(graph.authEventsOf(ours)).toEqual([theirs])
    const later = committed(await append(other, roomNid, newStateEvent({ auth: [ours] }))).firstPos
    const graphs = await Promise.all([store.authGraphs.load(roomNid, [ours]), store.authGraphs.load(roomNid, [later])])
    expect(graphs[0]).toBe(graph)
    expect(graphs[1].authEventsOf(later)).toEqual([ours])
  })
})
