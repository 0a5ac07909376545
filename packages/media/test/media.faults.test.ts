import { execFile } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { mkdtemp, readdir, rm } from 'node:fs/promises'
import { connect } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import { promisify } from 'node:util'
import type { ServerName } from '@hearth/protocol'
import { createLogger, SystemClock } from '@hearth/runtime'
import { Store } from '@hearth/store'
import { createTestDatabase, ServerProcess } from '@hearth/test-kit'
import { expect, it, onTestFinished, vi } from 'vitest'
import { DirectoryStore, MediaSweep, RemoteCache, Spool } from '../src/index.ts'
import { toArray } from './blob-store-contract.ts'
import { MediaClient, mxcPath } from './media-client.ts'

const run = promisify(execFile)
const MiB = 1024 * 1024
const patience = { timeout: 60_000, interval: 20 }

async function startServer(directory: string, options: { readonly built?: boolean } = {}) {
  const database = await createTestDatabase()
  onTestFinished(() => database.drop())
  const server = await ServerProcess.start({ ...options, database, settings: { HEARTH_MEDIA_DIRECTORY: directory } })
  onTestFinished(() => server.stop())
  const store = await Store.open({ url: database.url, logger: createLogger({ level: 'error' }) })
  onTestFinished(() => store.close())
  const person = await server.register('alice')
  return { server, store, person, alice: new MediaClient(() => server.url, person) }
}

async function temporaryDirectory(): Promise<string> {
  const directory = await mkdtemp(join(tmpdir(), 'hearth-media-faults-'))
  onTestFinished(() => rm(directory, { recursive: true, force: true }))
  return directory
}

/** What the hourly sweep does two hours later. */
async function sweepLater(store: Store, directory: string): Promise<void> {
  const clock = new (class extends SystemClock {
    override now(): number {
      return super.now() + 2 * 60 * 60_000
    }
  })()
  const spool = new Spool({ directory: join(directory, 'incoming') })
  const sweep = new MediaSweep({
    store,
    blobStore: new DirectoryStore({ directory }),
    spool,
    clock,
    remoteCache: unbounded(store),
  })
  const { signal } = new AbortController()
  await sweep.run({ key: 'all', payload: {}, progress: undefined, signal }, { save: async () => undefined })
}

const filesIn = (directory: string) => toArray(new DirectoryStore({ directory }).list(Infinity))
const incoming = (directory: string) => readdir(join(directory, 'incoming'))

it('leaves no file that is not whole and no row without its bytes when it is killed', async () => {
  const directory = await temporaryDirectory()
  const { server, store, person, alice } = await startServer(directory)
  const kept = await alice.upload('kept')

  // Between the bytes and the row.
  let release = (): void => undefined
  const locked = Promise.withResolvers<void>()
  const locking = store.database.transaction(async (tx) => {
    await tx.query(null, 'lock table media in exclusive mode')
    locked.resolve()
    await new Promise<void>((resolve) => (release = resolve))
  })
  await locked.promise
  const uploading = alice.upload(randomBytes(100_000)).catch((error: unknown) => error)
  await vi.waitFor(async () => expect(await filesIn(directory)).toHaveLength(2), patience)
  await server.kill()
  release()
  await locking
  expect(await uploading).toBeInstanceOf(Error)

  // While the bytes arrive.
  await server.launch()
  const { port, hostname } = new URL(server.url)
  const socket = connect(Number(port), hostname).on('error', () => undefined)
  await once(socket, 'connect')
  const head = `POST /_matrix/media/v3/upload HTTP/1.1\r\nHost: x\r\nContent-Length: 500000\r\n`
  socket.write(`${head}Authorization: Bearer ${person.accessToken}\r\n\r\n${'x'.repeat(100_000)}`)
  await vi.waitFor(async () => expect(await incoming(directory)).toHaveLength(1), patience)
  await server.kill()
  await server.launch()

  const rows = await store.database.query<{ media_id: string }>(null, 'select media_id from media')
  expect(rows.map((row) => row.media_id)).toEqual([kept.split('/')[1]])
  await sweepLater(store, directory)
  expect([(await filesIn(directory)).length, await incoming(directory)]).toEqual([1, []])
  expect((await alice.download(kept)).bytes.toString()).toBe('kept')
})

it('[SEC-192] refuses a file that there is no room for, leaves nothing of it and goes on', async () => {
  const directory = await temporaryDirectory()
  await run('mount', ['-t', 'tmpfs', '-o', 'size=8m', 'hearth-test', directory])
  onTestFinished(() => run('umount', ['-l', directory]).then(() => undefined))
  const { person, alice } = await startServer(directory)
  const first = await alice.upload(randomBytes(3 * MiB))
  const answer = await alice.request('POST', '/_matrix/media/v3/upload', { body: randomBytes(7 * MiB) })
  expect(answer).toMatchObject({ status: 507, body: { errcode: 'M_UNKNOWN' } })
  expect([(await filesIn(directory)).length, await incoming(directory)]).toEqual([1, []])
  const created = mxcPath(await alice.request('POST', '/_matrix/media/v1/create'))
  const target = `/_matrix/media/v3/upload/${created}`
  expect((await alice.request('PUT', target, { body: randomBytes(7 * MiB) })).status).toBe(507)
  expect((await alice.download(`${created}?timeout_ms=0`)).status).toBe(504)
  expect((await alice.request('PUT', target, { body: 'small' })).status).toBe(200)
  expect((await alice.download(first)).bytes).toHaveLength(3 * MiB)
  await person.sendText(await person.createRoom(), 'still here')
})

it('takes less than 300 MB to move 100 MB for each of 50 clients at a time', async () => {
  await run('npm', ['run', 'build'], { cwd: join(import.meta.dirname, '../../..') })
  const directory = await temporaryDirectory()
  const { server, alice } = await startServer(directory, { built: true })
  const status = (name: 'VmHWM' | 'VmRSS'): number =>
    Number(new RegExp(`${name}:\\s+(\\d+)`).exec(readFileSync(`/proc/${server.pid}/status`, 'utf8'))![1]) / 1024
  const chunk = randomBytes(64 * 1024)
  const body = (): Readable =>
    Readable.from(
      (function* () {
        for (let n = 0; n < 1600; n += 1) yield chunk
      })(),
      { objectMode: false, highWaterMark: 64 * 1024 },
    )
  const clients = Array.from({ length: 50 })
  const before = status('VmRSS')
  const paths = await Promise.all(clients.map(() => alice.upload(body())))
  const afterUploads = status('VmHWM')
  const download = async (path: string): Promise<number> => {
    const response = await alice.open(path)
    let bytes = 0
    for await (const part of response) bytes += (part as Buffer).length
    return bytes
  }
  const sizes = await Promise.all(paths.map(download))
  const afterDownloads = status('VmHWM')
  // Both ways at a time, as people do.
  const both = await Promise.all([
    ...clients.slice(25).map(() => alice.upload(body())),
    ...paths.slice(25).map(download),
  ])
  console.log(
    `${before.toFixed(0)} MB before, at most ${afterUploads.toFixed(0)} MB after uploads, ` +
      `${afterDownloads.toFixed(0)} MB after downloads, ${status('VmHWM').toFixed(0)} MB after both`,
  )
  expect(new Set(sizes)).toEqual(new Set([100 * MiB]))
  expect(new Set(both.slice(25))).toEqual(new Set([100 * MiB]))
  expect(status('VmHWM')).toBeLessThan(300)
})

/** Keeps what other servers have. */
function unbounded(store: Store): RemoteCache {
  const serverName = 'hearth.test' as ServerName
  return new RemoteCache({ store, serverName, maxBytes: Number.MAX_SAFE_INTEGER, clock: new SystemClock() })
}
