import { createHash, randomUUID } from 'node:crypto'
import type { ServerName, UserId } from '@hearth/protocol'
import { createTestDatabase, type TestDatabase } from '@hearth/test-kit'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { NewMedia, Store } from '../src/index.ts'
import { openStore } from './fixtures/event-store.ts'

let database: TestDatabase
let store: Store
let serverNid: number
let userNid: number

beforeAll(async () => {
  database = await createTestDatabase()
  store = await openStore(database.url)
  serverNid = await store.servers.intern('hearth.test' as ServerName)
  userNid = await store.users.intern('@alice:hearth.test' as UserId)
})

afterAll(async () => {
  await store.close()
  await database.drop()
})

const sha256 = (text: string): Buffer => createHash('sha256').update(text).digest()

function added(content: string, mediaId: string, more: Partial<NewMedia> = {}): Promise<boolean> {
  return store.transaction(async (tx) => {
    const hash = sha256(content)
    await tx.mediaBlobs.insert({ hash, size: content.length, location: randomUUID() }, 1)
    const facts = { contentType: 'text/plain', name: null, frozen: true, now: 1 }
    return tx.media.insert({ serverNid, mediaId, userNid, hash, ...facts, ...more })
  })
}

const sweep = (): Promise<string[]> => store.transaction((tx) => tx.mediaBlobs.deleteUnreferenced(100))

describe('media', () => {
  it('share a content, which keeps its first place, and keep it from being removed', async () => {
    expect(await added('shared', 'a')).toBe(true)
    const { location } = (await store.mediaBlobs.find(sha256('shared')))!
    expect(await added('shared', 'b')).toBe(true)
    expect(await store.mediaBlobs.find(sha256('shared'))).toMatchObject({ location, size: 6 })
    expect(await sweep()).toEqual([])
    await store.database.execute(null, `delete from media where media_id = 'a'`)
    expect(await sweep()).toEqual([])
    await store.database.execute(null, `delete from media where media_id = 'b'`)
    expect(await sweep()).toEqual([location])
    expect(await store.mediaBlobs.find(sha256('shared'))).toBeUndefined()
  })

  it('have an id once', async () => {
    expect(await added('first', 'once')).toBe(true)
    expect(await added('second', 'once')).toBe(false)
    expect(await store.media.find(serverNid, 'once')).toMatchObject({ hash: sha256('first'), size: 5, userNid })
  })

  it('cannot lose a content that is said to be there while it is looked at for removal', async () => {
    await store.transaction((tx) => tx.mediaBlobs.insert({ hash: sha256('race'), size: 4, location: 'race' }, 1))
    const { promise: said, resolve: onSaid } = Promise.withResolvers<void>()
    const { promise: swept, resolve: onSwept } = Promise.withResolvers<void>()
    const adding = store.transaction(async (tx) => {
      await tx.mediaBlobs.insert({ hash: sha256('race'), size: 4, location: 'other' }, 1)
      onSaid()
      await swept
      const facts = { contentType: 'text/plain', name: null, frozen: true, now: 1 }
      return tx.media.insert({ serverNid, mediaId: 'race', userNid, hash: sha256('race'), ...facts })
    })
    await said
    const removed = await sweep()
    onSwept()
    expect(removed).not.toContain('race')
    expect(await adding).toBe(true)
    expect(await sweep()).toEqual([])
    expect(await store.mediaBlobs.find(sha256('race'))).toMatchObject({ location: 'race' })
  })

  it('[SEC-190] are quarantined from the beginning when their content is', async () => {
    await added('evil', 'evil')
    await store.database.execute(null, `update media set quarantined_by = '@admin:hearth.test' where media_id = 'evil'`)
    await added('evil', 'again')
    expect(await store.media.find(serverNid, 'again')).toMatchObject({ quarantined: true })
    await store.media.reserve({ serverNid, mediaId: 'later', userNid }, { now: 1, expiresTs: 10, limit: 5 })
    const reserved = (await store.media.find(serverNid, 'later'))!
    expect(reserved).toMatchObject({ hash: null, size: null, expiresTs: 10, quarantined: false })
    const facts = { contentType: 'text/plain', name: 'x', frozen: true, now: 2 }
    expect(await store.media.fill(reserved.nid, { hash: sha256('evil'), ...facts })).toBe(true)
    expect(await store.media.find(serverNid, 'later')).toMatchObject({ quarantined: true, expiresTs: null, name: 'x' })
  })

  it('can be reserved, a few by each user and for a time', async () => {
    const bob = await store.users.intern('@bob:hearth.test' as UserId)
    const reserve = (mediaId: string, now: number) =>
      store.media.reserve({ serverNid, mediaId, userNid: bob }, { now, expiresTs: now + 10, limit: 2 })
    expect(await reserve('r1', 100)).toBe(true)
    expect(await reserve('r2', 105)).toBe(true)
    expect(await reserve('r3', 109)).toBe(false)
    expect(await store.media.firstExpiry(bob, 109)).toBe(110)
    expect(await reserve('r3', 110)).toBe(true)
    await added('content', 'other')
    const { nid } = (await store.media.find(serverNid, 'r1'))!
    const facts = { hash: sha256('content'), contentType: 'text/plain', name: null, frozen: false }
    expect(await store.media.fill(nid, { ...facts, now: 110 })).toBe(false)
    expect(await store.media.deleteExpired(114)).toBe(1)
    const second = (await store.media.find(serverNid, 'r3'))!
    expect(await store.media.fill(second.nid, { ...facts, now: 114 })).toBe(true)
    expect(await store.media.fill(second.nid, { ...facts, now: 114 })).toBe(false)
    await store.media.touch([second.nid], 200)
    expect(await store.media.find(serverNid, 'r3')).toMatchObject({ lastAccessTs: 200, frozen: false, size: 7 })
  })

  it('know which places hold a content', async () => {
    await added('somewhere', 'somewhere')
    const { location } = (await store.mediaBlobs.find(sha256('somewhere')))!
    expect(await store.mediaBlobs.knownAmong([location, 'nowhere'])).toEqual(new Set([location]))
    expect(await store.mediaBlobs.move(sha256('somewhere'), location, 'elsewhere')).toBe(true)
    expect(await store.mediaBlobs.move(sha256('somewhere'), location, 'elsewhere')).toBe(false)
  })
})
