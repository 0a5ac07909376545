import type { ServerName, UserId } from '@hearth/protocol'
import { createTestDatabase, type TestDatabase } from '@hearth/test-kit'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { EMPTY_STATE_KEY, wellKnownTypes, type Store } from '../src/index.ts'
import { openStore } from './fixtures/event-store.ts'

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

describe('dictionaries', () => {
  it('give each text one number, in every process', async () => {
    const keys = Array.from({ length: 200 }, (_, i) => `key ${i}`)
    const [first, second] = await Promise.all([
      store.stateKeys.internAll(keys),
      other.stateKeys.internAll(keys.toReversed().concat('another')),
    ])
    expect(new Set(first.values()).size).toBe(200)
    for (const key of keys) expect(second.get(key)).toBe(first.get(key))
    expect(await other.stateKeys.keysOf([...first.values()])).toEqual(
      new Map([...first].map(([key, nid]) => [nid, key])),
    )
  })

  it('do not mind which process is first, over and over', async () => {
    for (let round = 0; round < 10; round++) {
      const type = `org.example.${round}`
      const nids = await Promise.all([store, other, store, other].map((each) => each.eventTypes.intern(type)))
      expect(new Set(nids).size).toBe(1)
    }
  })

  it('ask the database once for each text', async () => {
    const nid = await store.eventTypes.intern('org.example.once')
    const { statements } = store.database
    expect(await store.eventTypes.intern('org.example.once')).toBe(nid)
    expect(store.eventTypes.peek('org.example.once')).toBe(nid)
    expect(store.eventTypes.peekKey(nid)).toBe('org.example.once')
    expect(await store.eventTypes.keyOf(nid)).toBe('org.example.once')
    expect(store.database.statements).toBe(statements)
  })

  it('use up no numbers for texts that are there', async () => {
    const fresh = await openStore(database.url)
    const next = await fresh.stateKeys.intern('before')
    for (let i = 0; i < 20; i++) await fresh.stateKeys.internAll(['before', `key ${i}`])
    await fresh.close()
    expect(await store.stateKeys.intern('after')).toBe(next + 1)
  })

  it('find without adding', async () => {
    expect(await store.stateKeys.find('nobody added this')).toBeUndefined()
    expect(await store.stateKeys.findAll(['nobody added this', ''])).toEqual(new Map([['', EMPTY_STATE_KEY]]))
    await expect(store.stateKeys.keyOf(999_999)).rejects.toThrow('999999')
  })

  it('give the types that the code knows the numbers that the code knows', async () => {
    const types = Object.keys(wellKnownTypes)
    expect(Object.fromEntries(await store.eventTypes.findAll(types))).toEqual(wellKnownTypes)
    expect(await store.eventTypes.intern('org.example.custom')).toBeGreaterThan(999)
  })

  it('know the server of each user', async () => {
    const users = ['@a:one.example', '@b:two.example:8448', '@c:one.example'] as UserId[]
    const nids = await store.users.internAll(users)
    const servers = await other.servers.findAll(['one.example', 'two.example:8448'] as ServerName[])
    const rows = await other.database.query<{ nid: number; server_nid: number }>(
      null,
      'select nid, server_nid from users where nid = any($1) order by user_id',
      [[...nids.values()]],
    )
    expect(rows.map((row) => row.server_nid)).toEqual([
      servers.get('one.example' as ServerName),
      servers.get('two.example:8448' as ServerName),
      servers.get('one.example' as ServerName),
    ])
  })

  it('keep texts apart that only a collation would equate', async () => {
    const keys = ['é', 'e\u0301', 'E', 'e', 'ﬀ', 'ff', ' ', '']
    const nids = await store.stateKeys.internAll(keys)
    expect(new Set(nids.values()).size).toBe(keys.length)
  })
})
