import { createTestDatabase, type TestDatabase } from '@hearth/test-kit'
import type { DeviceId } from '@hearth/protocol'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { Store } from '../src/index.ts'
import { collectingLogger } from './fixtures/quiet-logger.ts'

let testDatabase: TestDatabase
let store: Store
let nextUser = 1

beforeAll(async () => {
  testDatabase = await createTestDatabase()
  store = await Store.open({ url: testDatabase.url, logger: collectingLogger() })
})

afterAll(async () => {
  await store.close()
  await testDatabase.drop()
})

async function account(localpart: string): Promise<number> {
  const userNid = nextUser++
  await store.database.execute(null, `insert into users (nid, user_id, server_nid) values ($1, $2, 1)`, [
    userNid,
    `@${localpart}:hearth.test`,
  ])
  await store.accounts.insert({ userNid, localpart, passwordHash: null, isAdmin: false, createdTs: 1 })
  return userNid
}

async function device(userNid: number, deviceId: string, now = 1): Promise<number> {
  const row = { userNid, deviceId: deviceId as DeviceId, displayName: null, now, ip: '192.0.2.1' }
  return store.devices.upsert(row)
}

const hash = (text: string): Buffer => Buffer.from(text.padEnd(32, '.'))

async function count(table: string, where: string): Promise<number> {
  const rows = await store.database.query<{ n: number }>(null, `select count(*) as n from ${table} where ${where}`)
  return rows[0]!.n
}

describe('accounts', () => {
  it('a localpart is taken once', async () => {
    const userNid = await account('taken')
    const other = await account('free')
    const row = { userNid: other, passwordHash: null, isAdmin: false, createdTs: 1 }
    expect(await store.accounts.insert({ ...row, localpart: 'taken' })).toBe(false)
    expect((await store.accounts.findByLocalpart(['Taken', 'taken']))?.userNid).toBe(userNid)
    expect(await store.accounts.findByLocalpart([])).toBeUndefined()
  })

  it('the deletion rule: everything that belongs to an account goes with it', async () => {
    const userNid = await account('leaving')
    const deviceNid = await device(userNid, 'A')
    await store.accessTokens.replace(deviceNid, hash('leaving'), 1)
    await store.accountData.set({ userNid, roomNid: null, type: 'x', content: '{}' }, { entries: 10, bytes: 1000 })
    await store.filters.define(userNid, hash('filter'), '{}', 10)
    await store.database.execute(
      null,
      `insert into client_txn (nid, device_nid, key, txn_id) values (1, $1, gen_random_uuid(), 't')`,
      [deviceNid],
    )
    expect(await store.accounts.delete(userNid)).toBe(true)
    for (const table of ['accounts', 'devices', 'account_data', 'filters']) {
      expect([table, await count(table, `user_nid = ${userNid}`)]).toEqual([table, 0])
    }
    expect(await count('access_tokens', `device_nid = ${deviceNid}`)).toBe(0)
    expect(await count('client_txn', `device_nid = ${deviceNid}`)).toBe(0)
    expect(await store.accounts.delete(userNid)).toBe(false)
  })
})

describe('devices', () => {
  it('a known device keeps its number and name', async () => {
    const userNid = await account('two-devices')
    const first = await device(userNid, 'A')
    expect(await device(userNid, 'A', 2)).toBe(first)
    expect(await device(userNid, 'B', 2)).not.toBe(first)
  })

  it('one that is back is noted as seen, unless it is gone', async () => {
    const nid = await device(await account('back'), 'A')
    expect(await store.devices.touch(nid, 7, '192.0.2.7')).toBe(true)
    const seen = `nid = ${nid} and last_seen_ts = 7 and last_seen_ip = '192.0.2.7'`
    expect(await count('devices', seen)).toBe(1)
    await store.devices.delete(nid)
    expect(await store.devices.touch(nid, 8, '192.0.2.7')).toBe(false)
  })

  it('those that were not seen for longest go first', async () => {
    const userNid = await account('many-devices')
    const nids = await Promise.all(['A', 'B', 'C', 'D'].map((id, i) => device(userNid, id, i)))
    await store.devices.saw([{ nid: nids[0]!, ts: 100, ip: '192.0.2.2' }])
    expect(await store.devices.deleteLeastRecentlySeen(userNid, 2)).toBe(2)
    const left = await store.database.query<{ id: string }>(
      null,
      `select device_id as id from devices where user_nid = $1 order by 1`,
      [userNid],
    )
    expect(left.map(({ id }) => id)).toEqual(['A', 'D'])
  })
})

describe('access tokens', () => {
  it('a device has one at a time, and its end leaves a mark', async () => {
    const deviceNid = await device(await account('token'), 'A')
    await store.accessTokens.replace(deviceNid, hash('first'), 1)
    const cursor = await store.accessTokens.staleCursor()
    await store.accessTokens.replace(deviceNid, hash('second'), 1)
    expect(await store.accessTokens.find(hash('first'))).toBeUndefined()
    expect(await store.accessTokens.find(hash('second'))).toMatchObject({ deviceNid, isAdmin: false })
    // A cursor goes no further than the oldest transaction of the whole cluster: marks may be listed that need not be.
    const { tokenHashes } = await store.accessTokens.listStale(cursor)
    expect(tokenHashes).toContainEqual(hash('first'))
    expect(tokenHashes).not.toContainEqual(hash('second'))
    const [later] = await store.database.query<{ xid: string }>(null, 'select pg_current_xact_id()::text as xid')
    expect((await store.accessTokens.listStale(later!.xid)).tokenHashes).not.toContainEqual(hash('first'))
  })

  it('changes of the account leave marks on all of its tokens', async () => {
    const userNid = await account('promoted')
    const devices = [await device(userNid, 'A'), await device(userNid, 'B')]
    for (const [i, nid] of devices.entries()) await store.accessTokens.replace(nid, hash(`promoted${i}`), 1)
    const cursor = await store.accessTokens.staleCursor()
    await store.accounts.setAdmin(userNid, true)
    const { tokenHashes } = await store.accessTokens.listStale(cursor)
    expect(tokenHashes).toEqual(expect.arrayContaining([hash('promoted0'), hash('promoted1')]))
    expect(await store.accessTokens.find(hash('promoted0'))).toMatchObject({ isAdmin: true })
    await store.accounts.deactivate(userNid, 5)
    expect(await store.accessTokens.find(hash('promoted0'))).toBeUndefined()
  })

  it('an end whose transaction began before a reader looked is found by its next look', async () => {
    const deviceNid = await device(await account('late'), 'A')
    await store.accessTokens.replace(deviceNid, hash('late'), 1)
    let cursor = ''
    await store.transaction(async (tx) => {
      await tx.devices.delete(deviceNid)
      // Another transaction commits meanwhile, so that the transaction ids go past this one.
      await account('meanwhile')
      cursor = (await store.accessTokens.listStale(await store.accessTokens.staleCursor())).cursor
    })
    expect((await store.accessTokens.listStale(cursor)).tokenHashes).toContainEqual(hash('late'))
  })
})

describe('registration tokens', () => {
  it('[SEC-56] the last use is had once', async () => {
    const token = { token: 'twice', usesAllowed: 2, expiresTs: null, grantsAdmin: false, now: 1 }
    expect(await store.registrationTokens.insert(token)).toBe(true)
    expect(await store.registrationTokens.insert(token)).toBe(false)
    const uses = await Promise.all(Array.from({ length: 20 }, () => store.registrationTokens.use('twice', 1)))
    expect(uses.filter((use) => use !== undefined)).toHaveLength(2)
    expect(await store.registrationTokens.isUsable('twice', 1)).toBe(false)
  })

  it('end with their time', async () => {
    const token = { token: 'soon', usesAllowed: null, expiresTs: 10, grantsAdmin: false, now: 1 }
    await store.registrationTokens.insert(token)
    expect(await store.registrationTokens.isUsable('soon', 9)).toBe(true)
    expect(await store.registrationTokens.isUsable('soon', 10)).toBe(false)
    expect(await store.registrationTokens.use('soon', 10)).toBeUndefined()
  })

  it('there is one for the first account, also when several processes start', async () => {
    const inserted = await Promise.all(
      ['a', 'b', 'c'].map((text) =>
        store.registrationTokens.insertFirst({
          token: `first-${text}`,
          usesAllowed: 1,
          expiresTs: null,
          grantsAdmin: true,
          now: 1,
        }),
      ),
    )
    expect(inserted.filter(Boolean)).toHaveLength(1)
    const first = await store.registrationTokens.findFirst()
    expect(await store.registrationTokens.use(first!, 1)).toEqual({ grantsAdmin: true })
    expect(await store.registrationTokens.findFirst()).toBeUndefined()
  })
})

describe('flow sessions', () => {
  const session = { purpose: 'p', binding: null, request: null, proofs: {}, states: {}, expiresTs: 100 }

  it('are good for one purpose, until they expire', async () => {
    await store.flowSessions.insert({ ...session, idHash: hash('s1') }, 1)
    expect(await store.flowSessions.find(hash('s1'), 'q', 1)).toBeUndefined()
    expect(await store.flowSessions.find(hash('s1'), 'p', 100)).toBeUndefined()
    expect(await store.flowSessions.find(hash('s1'), 'p', 99)).toMatchObject({ proofs: {} })
    expect(await store.flowSessions.delete(hash('s1'), 'q', 1)).toBe(false)
    const ends = await Promise.all(Array.from({ length: 5 }, () => store.flowSessions.delete(hash('s1'), 'p', 1)))
    expect(ends.filter(Boolean)).toHaveLength(1)
  })

  it('keep what parallel requests add', async () => {
    await store.flowSessions.insert({ ...session, idHash: hash('s2') }, 1)
    await Promise.all(
      ['a', 'b', 'c'].map((type) => store.flowSessions.merge(hash('s2'), { proofs: { [type]: {} } }, 200)),
    )
    const found = await store.flowSessions.find(hash('s2'), 'p', 150)
    expect(Object.keys(found!.proofs).sort()).toEqual(['a', 'b', 'c'])
  })

  it('are bound to the first request that comes', async () => {
    await store.flowSessions.insert({ ...session, idHash: hash('s3') }, 1)
    const first = { binding: hash('one'), request: { n: 1 } }
    expect(await store.flowSessions.bind(hash('s3'), hash('one'), { n: 1 })).toEqual(first)
    expect(await store.flowSessions.bind(hash('s3'), hash('two'), { n: 2 })).toEqual(first)
    expect(await store.flowSessions.find(hash('s3'), 'p', 1)).toMatchObject(first)
    expect(await store.flowSessions.bind(hash('none'), hash('one'), {})).toBeUndefined()
  })

  it('are completed once, and then keep nothing but the outcome', async () => {
    const row = { ...session, idHash: hash('s4'), binding: hash('one'), request: { n: 1 }, proofs: { a: {} } }
    await store.flowSessions.insert(row, 1)
    const complete = (n: number): Promise<boolean> =>
      store.transaction(async (tx) => {
        if (!(await tx.flowSessions.claim(hash('s4'), 'p', 1))) return false
        await tx.flowSessions.complete(hash('s4'), { n }, 50)
        return true
      })
    expect(await store.flowSessions.claim(hash('s4'), 'q', 1)).toBe(false)
    expect(await store.flowSessions.claim(hash('s4'), 'p', 100)).toBe(false)
    const claims = await Promise.all([1, 2, 3].map(complete))
    expect(claims.filter(Boolean)).toHaveLength(1)
    expect(await store.flowSessions.merge(hash('s4'), { proofs: { b: {} } }, 1000)).toBeUndefined()
    expect(await store.flowSessions.find(hash('s4'), 'p', 1)).toEqual({
      idHash: hash('s4'),
      purpose: 'p',
      binding: hash('one'),
      request: null,
      proofs: {},
      states: {},
      outcome: { n: claims.indexOf(true) + 1 },
      expiresTs: 50,
    })
  })

  it('are as before when completing them fails', async () => {
    await store.flowSessions.insert({ ...session, idHash: hash('s5') }, 1)
    const failing = store.transaction(async (tx) => {
      await tx.flowSessions.claim(hash('s5'), 'p', 1)
      await tx.flowSessions.complete(hash('s5'), {}, 50)
      throw new Error('the name is taken')
    })
    await expect(failing).rejects.toThrow('the name is taken')
    expect(await store.flowSessions.claim(hash('s5'), 'p', 1)).toBe(true)
  })

  it('are removed when they have expired, and when there are too many', async () => {
    await store.flowSessions.insert({ ...session, idHash: hash('old'), expiresTs: 100 }, 1)
    await store.flowSessions.insert({ ...session, idHash: hash('new'), expiresTs: 1000 }, 101)
    await store.flowSessions.insert({ ...session, idHash: hash('newer'), expiresTs: 1001 }, 101)
    expect(await count('flow_sessions', 'expires_ts <= 100')).toBe(0)
    await store.flowSessions.deleteOldest(1)
    expect(await store.flowSessions.find(hash('newer'), 'p', 102)).toBeDefined()
    expect(await count('flow_sessions', 'true')).toBe(1)
  })
})

describe('account data', () => {
  const quota = { entries: 3, bytes: 1000 }

  it('takes a stream position with each write, and keeps the last', async () => {
    const userNid = await account('keeper')
    const entry = { userNid, roomNid: null, type: 'a' }
    const first = await store.accountData.set({ ...entry, content: '{"n":1}' }, quota)
    const second = await store.accountData.set({ ...entry, content: '{"n":2}' }, quota)
    expect(second).toBe(first! + 1)
    expect(await store.accountData.find(userNid, null, 'a')).toBe('{"n":2}')
    expect(await store.accountData.listByPosition(first! - 1, second!, 10)).toEqual([
      { ...entry, pos: second, content: '{"n":2}' },
    ])
    expect(await store.accountData.listChanged(userNid, 0, second!)).toHaveLength(1)
    expect(await store.accountData.listChanged(userNid, second!, second! + 1)).toHaveLength(0)
  })

  it('[SEC-34] has a quota in entries and in bytes, and a refusal takes no position', async () => {
    const userNid = await account('hoarder')
    const set = (type: string, content: string): Promise<number | undefined> =>
      store.accountData.set({ userNid, roomNid: null, type, content }, quota)
    for (const type of ['a', 'b', 'c']) expect(await set(type, '{}')).toBeTypeOf('number')
    const before = await store.database.query(null, 'select pos from stream_head')
    expect(await set('d', '{}')).toBeUndefined()
    expect(await set('a', JSON.stringify({ x: 'x'.repeat(1000) }))).toBeUndefined()
    expect(await store.database.query(null, 'select pos from stream_head')).toEqual(before)
    expect(await set('a', JSON.stringify({ x: 'x'.repeat(900) }))).toBeTypeOf('number')
  })
})

describe('filters', () => {
  it('identical ones are one, and there is a quota', async () => {
    const userNid = await account('filterer')
    const first = await store.filters.define(userNid, hash('1'), '{"a":1}', 2)
    expect(await store.filters.define(userNid, hash('1'), '{"a":1}', 2)).toBe(first)
    expect(await store.filters.define(userNid, hash('2'), '{"a":2}', 2)).not.toBe(first)
    expect(await store.filters.define(userNid, hash('3'), '{"a":3}', 2)).toBeUndefined()
    expect(await store.filters.define(userNid, hash('1'), '{"a":1}', 2)).toBe(first)
    expect(await store.filters.find(userNid, first!)).toBe('{"a":1}')
    expect(await store.filters.find(userNid + 1, first!)).toBeUndefined()
  })
})
