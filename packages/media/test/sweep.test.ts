import { createHash, randomUUID } from 'node:crypto'
import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import type { ServerName, UserId } from '@hearth/protocol'
import { createLogger, SystemClock } from '@hearth/runtime'
import { Store, type Tables } from '@hearth/store'
import { createTestDatabase, type TestDatabase } from '@hearth/test-kit'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { Blobs, DirectoryStore, MediaSweep, RemoteCache, Spool, type Content } from '../src/index.ts'
import { toArray } from './blob-store-contract.ts'

let database: TestDatabase
let store: Store
let directory: string

/** A clock of two hours later: for it all that is there was begun long ago. */
class LaterClock extends SystemClock {
  override now(): number {
    return super.now() + 2 * 60 * 60_000
  }
}

beforeAll(async () => {
  database = await createTestDatabase()
  const logger = createLogger({ level: 'error' })
  store = await Store.open({ url: database.url, logger })
  directory = await mkdtemp(join(tmpdir(), 'hearth-sweep-'))
})
afterAll(async () => {
  await store.close()
  await database.drop()
  await rm(directory, { recursive: true })
})

it('removes what nothing refers to, and nothing else, and comes again', async () => {
  const clock = new LaterClock()
  const blobStore = new DirectoryStore({ directory })
  const spool = new Spool({ directory: join(directory, 'incoming') })
  const logger = createLogger({ level: 'error' })
  const blobs = new Blobs({ store, blobStore, spool, clock, logger })
  const serverNid = await store.servers.intern('hearth.test' as ServerName)
  const userNid = await store.users.intern('@alice:hearth.test' as UserId)
  const insert =
    (mediaId: string) =>
    async (tx: Tables, { hash }: Content) => {
      const facts = { contentType: 'text/plain', name: null, frozen: true, now: 1 }
      await tx.media.insert({ serverNid, mediaId, userNid, hash, ...facts })
      return hash
    }
  async function* bytesOf(content: string): AsyncGenerator<Buffer> {
    yield Buffer.from(content)
  }
  const write = (content: string) => blobs.write(bytesOf(content), { maxBytes: 100 }, insert(content))
  const [kept, gone] = [await write('kept'), await write('gone')]
  await store.database.execute(null, `delete from media where media_id = 'gone'`)
  // What a process leaves that dies before its row is committed, and one that dies while a file arrives.
  const orphan = join(directory, randomUUID())
  await writeFile(orphan, 'orphan')
  await blobStore.put(orphan, { hash: createHash('sha256').update('orphan').digest(), size: 6 })
  const dead = await spool.begin()
  await dead.write(Buffer.from('half'))
  await store.media.reserve({ serverNid, mediaId: 'late', userNid }, { now: 1, expiresTs: 2, limit: 9 })

  const sweep = new MediaSweep({ store, blobStore, spool, clock, remoteCache: unbounded(store) })
  await sweep.begin()
  const signal = new AbortController().signal
  await sweep.run({ key: 'all', payload: {}, progress: undefined, signal }, { save: async () => undefined })

  expect(await toArray(blobStore.list(clock.now()))).toEqual([(await store.mediaBlobs.find(kept))!.location])
  expect(await text(await blobs.read(kept))).toBe('kept')
  expect(await store.mediaBlobs.find(gone)).toBeUndefined()
  expect(await store.media.find(serverNid, 'late')).toBeUndefined()
  expect(await readdir(join(directory, 'incoming'))).toEqual([])
  expect((await store.jobs.census([sweep.kind])).dueTs).toBeGreaterThan(clock.now())
})

it('leaves alone what has just come', async () => {
  const blobStore = new DirectoryStore({ directory })
  const spool = new Spool({ directory: join(directory, 'incoming') })
  const path = join(directory, randomUUID())
  await writeFile(path, 'new')
  const location = await blobStore.put(path, { hash: createHash('sha256').update('new').digest(), size: 3 })
  await using arriving = await spool.begin()
  const sweep = new MediaSweep({ store, blobStore, spool, clock: new SystemClock(), remoteCache: unbounded(store) })
  const signal = new AbortController().signal
  await sweep.run({ key: 'all', payload: {}, progress: undefined, signal }, { save: async () => undefined })
  expect(await blobStore.has(location)).toBe(true)
  expect(await readdir(join(directory, 'incoming'))).toEqual([arriving.path.split('/').at(-1)])
})

/** Keeps what other servers have. */
function unbounded(store: Store): RemoteCache {
  const serverName = 'hearth.test' as ServerName
  return new RemoteCache({ store, serverName, maxBytes: Number.MAX_SAFE_INTEGER, clock: new SystemClock() })
}
