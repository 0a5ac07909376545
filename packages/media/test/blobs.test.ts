import { createHash } from 'node:crypto'
import { mkdtemp, readdir, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { buffer, text } from 'node:stream/consumers'
import { MatrixError, type ServerName } from '@hearth/protocol'
import { createLogger, SystemClock } from '@hearth/runtime'
import { Store, type Tables } from '@hearth/store'
import { createTestDatabase, type TestDatabase } from '@hearth/test-kit'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { BlobMissing, Blobs, DirectoryStore, Spool, type Content } from '../src/index.ts'
import { toArray } from './blob-store-contract.ts'

let database: TestDatabase
let store: Store
let directory: string
let blobStore: DirectoryStore
let blobs: Blobs
let ids = 0

beforeAll(async () => {
  database = await createTestDatabase()
  const logger = createLogger({ level: 'error', sink: { write: () => undefined, flush() {} } })
  store = await Store.open({ url: database.url, logger })
  directory = await mkdtemp(join(tmpdir(), 'hearth-blobs-'))
  blobStore = new DirectoryStore({ directory })
  const spool = new Spool({ directory: join(directory, 'incoming') })
  blobs = new Blobs({ store, blobStore, spool, clock: new SystemClock(), logger })
})
afterAll(async () => {
  await store.close()
  await database.drop()
  await rm(directory, { recursive: true })
})

async function* bytesOf(...parts: readonly string[]): AsyncGenerator<Buffer> {
  for (const part of parts) yield Buffer.from(part)
}

const locations = (): Promise<string[]> => toArray(blobStore.list(Date.now() + 60_000))
const incoming = (): Promise<string[]> => readdir(join(directory, 'incoming'))

async function insert(tx: Tables, { hash }: Content): Promise<Buffer> {
  const serverNid = await store.servers.intern('hearth.test' as ServerName)
  const facts = { contentType: 'text/plain', name: null, frozen: true, now: 1 }
  await tx.media.insert({ serverNid, mediaId: `m${(ids += 1)}`, userNid: null, hash, ...facts })
  return hash
}

const write = (...parts: readonly string[]): Promise<Buffer> =>
  blobs.write(bytesOf(...parts), { maxBytes: 1000 }, insert)

it('stores the same content once, however many send it at a time', async () => {
  const before = (await locations()).length
  const hashes = await Promise.all(Array.from({ length: 8 }, () => write('same ', 'content')))
  expect(new Set(hashes.map((hash) => hash.toString('hex')))).toEqual(
    new Set([createHash('sha256').update('same content').digest('hex')]),
  )
  expect(await locations()).toHaveLength(before + 1)
  expect(await text(await blobs.read(hashes[0]!))).toBe('same content')
  expect(await text(await blobs.read(hashes[0]!, { start: 5, end: 7 }))).toBe('con')
  expect(await incoming()).toEqual([])
})

it('[SEC-178] leaves nothing of what is too long, breaks off or is refused', async () => {
  const before = await locations()
  await expect(write('x'.repeat(600), 'x'.repeat(600))).rejects.toMatchObject({ status: 413, errcode: 'M_TOO_LARGE' })
  const broken = async function* (): AsyncGenerator<Buffer> {
    yield Buffer.from('half of')
    throw new Error('gone')
  }
  await expect(blobs.write(broken(), { maxBytes: 1000 }, insert)).rejects.toThrow('gone')
  const refusing = blobs.write(bytesOf('refused'), { maxBytes: 1000 }, () =>
    Promise.reject(new MatrixError('M_FORBIDDEN', 'The quota is used up')),
  )
  await expect(refusing).rejects.toMatchObject({ errcode: 'M_FORBIDDEN' })
  expect(await locations()).toEqual(before)
  expect(await incoming()).toEqual([])
  expect(await store.mediaBlobs.find(createHash('sha256').update('refused').digest())).toBeUndefined()
})

it('puts bytes that were lost back in when somebody sends them again', async () => {
  const hash = await write('lost and found')
  await blobStore.delete((await store.mediaBlobs.find(hash))!.location)
  await expect(blobs.read(hash)).rejects.toBeInstanceOf(BlobMissing)
  await write('lost and found')
  expect((await buffer(await blobs.read(hash))).toString()).toBe('lost and found')
})

it('stores again what is removed while it is sent', async () => {
  const hash = await write('removed')
  await store.database.execute(null, 'delete from media where blob_hash = $1', [hash])
  const sweeping = store.transaction(async (tx) => {
    const removed = await tx.mediaBlobs.deleteUnreferenced(100)
    return removed
  })
  const [again, removed] = await Promise.all([write('removed'), sweeping])
  for (const location of removed) await blobStore.delete(location)
  expect((await buffer(await blobs.read(again))).toString()).toBe('removed')
})
