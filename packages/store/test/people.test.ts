import type { UserId } from '@hearth/protocol'
import { createTestDatabase, type TestDatabase } from '@hearth/test-kit'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { Store } from '../src/index.ts'
import { createRoom, openStore } from './fixtures/event-store.ts'

let database: TestDatabase
let store: Store
let accounts = 0

beforeAll(async () => {
  database = await createTestDatabase()
  store = await openStore(database.url)
})

afterAll(async () => {
  await store.close()
  await database.drop()
})

async function account(): Promise<number> {
  const localpart = `user${(accounts += 1)}`
  const userNid = await store.users.intern(`@${localpart}:hearth.test` as UserId)
  await store.accounts.insert({ userNid, localpart, passwordHash: null, isAdmin: false, createdTs: 1 })
  return userNid
}

const count = async (table: string): Promise<number> =>
  Number((await store.database.query<{ count: number }>(null, `select count(*) as count from ${table}`))[0]!.count)

describe('profiles', () => {
  const change = (userNid: number, fields: string) =>
    store.transaction(async (tx) => {
      await tx.profiles.lock(userNid)
      return tx.profiles.replace(userNid, fields)
    })

  it('take a stream position with each change, and keep the last', async () => {
    const userNid = await account()
    expect(await store.profiles.find(userNid)).toBe('{}')
    expect(await store.profiles.findAll([userNid])).toEqual([])
    const first = await change(userNid, '{"n":1}')
    const second = await change(userNid, '{"n":2}')
    expect(second).toBe(first + 1)
    expect(await store.profiles.find(userNid)).toBe('{"n":2}')
    const row = { userNid, pos: second, fields: '{"n":2}' }
    expect(await store.profiles.findAll([userNid])).toEqual([row])
    const { changes } = await store.streams.readChanges(first - 1, second, 10)
    expect(changes).toEqual([{ kind: 'profile', pos: second, profile: row }])
  })

  it('are changed by one at a time', async () => {
    const userNid = await account()
    const addOne = () =>
      store.transaction(async (tx) => {
        const { n = 0 } = JSON.parse((await tx.profiles.lock(userNid))!) as { n?: number }
        await tx.profiles.replace(userNid, JSON.stringify({ n: n + 1 }))
      })
    await Promise.all(Array.from({ length: 10 }, addOne))
    expect(await store.profiles.find(userNid)).toBe('{"n":10}')
  })

  it('are of accounts that are in use, and go with them', async () => {
    const userNid = await account()
    await change(userNid, '{"n":1}')
    await store.accounts.deactivate(userNid, 2)
    expect(await store.profiles.find(userNid)).toBeUndefined()
    expect(await store.transaction((tx) => tx.profiles.lock(userNid))).toBeUndefined()
    await store.accounts.delete(userNid)
    expect(await store.profiles.findAll([userNid])).toEqual([])
    const stranger = await store.users.intern('@stranger:elsewhere.test' as UserId)
    expect(await store.profiles.find(stranger)).toBeUndefined()
  })
})

describe('account data that is deleted', () => {
  const quota = { entries: 10, bytes: 1_000 }

  it('takes a position of its own, once, and is not there for who begins anew', async () => {
    const userNid = await account()
    const entry = { userNid, roomNid: null, type: 'a' }
    const set = await store.accountData.set({ ...entry, content: '{"n":1}' }, quota)
    const gone = await store.accountData.delete(entry)
    expect(gone).toBe(set! + 1)
    expect(await store.accountData.delete(entry)).toBeUndefined()
    expect(await store.streamHead.position()).toBe(gone)
    expect(await store.accountData.find(userNid, null, 'a')).toBeUndefined()
    expect(await store.accountData.listChanged(userNid, 0, gone!)).toEqual([])
    expect(await store.accountData.listChanged(userNid, set!, gone!)).toEqual([{ ...entry, pos: gone, content: '{}' }])
    await store.accountData.set({ ...entry, content: '{"n":2}' }, quota)
    expect(await store.accountData.find(userNid, null, 'a')).toBe('{"n":2}')
  })
})

describe('reports', () => {
  it('are one of each user about each subject, up to a number, and go with their room', async () => {
    const reporterNid = await account()
    const roomNid = await createRoom(store)
    const report = { reporterNid, reason: 'x', receivedTs: 1 }
    expect(await store.reports.add({ ...report, roomNid }, 2)).toBe(true)
    expect(await store.reports.add({ ...report, roomNid, eventNid: 7 }, 2)).toBe(true)
    expect(await store.reports.add({ ...report, userNid: reporterNid }, 2)).toBe(false)
    expect(await store.reports.add({ ...report, roomNid, reason: 'y', receivedTs: 2 }, 2)).toBe(true)
    expect(await store.reports.list(undefined, 10)).toMatchObject([
      { eventNid: 7, reason: 'x' },
      { eventNid: null, reason: 'y', receivedTs: 2 },
    ])
    const [newest] = await store.reports.list(undefined, 1)
    expect(await store.reports.list(newest!.nid, 10)).toHaveLength(1)
    await store.roomDeletion.delete(roomNid)
    expect(await count('reports')).toBe(0)
  })
})
