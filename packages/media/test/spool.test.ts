import { once } from 'node:events'
import { createHash, randomBytes } from 'node:crypto'
import { mkdtemp, readdir, rename, rm, utimes } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { buffer } from 'node:stream/consumers'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { Spool } from '../src/index.ts'

let directory: string
let spool: Spool

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'hearth-spool-'))
  spool = new Spool({ directory: join(directory, 'incoming') })
})
afterAll(() => rm(directory, { recursive: true }))

const files = (): Promise<string[]> => readdir(join(directory, 'incoming'))

it('gives a file to those who read it while it arrives, also when it is moved before they are done', async () => {
  const bytes = randomBytes(200_000)
  const file = await spool.begin()
  const early = buffer(file.follow())
  await file.write(bytes.subarray(0, 100_000))
  const slow = file.follow()
  await once(slow, 'readable')
  await file.write(bytes.subarray(100_000))
  expect(await file.finish()).toEqual({ hash: createHash('sha256').update(bytes).digest(), size: 200_000 })
  file.release()
  await rename(file.path, join(directory, 'moved'))
  await file[Symbol.asyncDispose]()
  expect(await early).toEqual(bytes)
  expect(await buffer(slow)).toEqual(bytes)
  expect(await files()).toEqual([])
})

it('keeps its end back until it is released, for good when it is not', async () => {
  const file = await spool.begin()
  let received = 0
  const reading = file.follow().on('data', (chunk: Buffer) => (received += chunk.length))
  const failed = once(reading, 'error')
  await file.write(Buffer.alloc(200_000))
  await file.finish()
  await expect.poll(() => received).toBe(200_000 - 64 * 1024)
  file.fail(new Error('nobody may have it'))
  expect(await failed).toMatchObject([{ message: 'nobody may have it' }])
  expect(received).toBe(200_000 - 64 * 1024)
  await file[Symbol.asyncDispose]()
})

it('tells those who read it that it breaks off', async () => {
  const file = await spool.begin()
  const reading = buffer(file.follow())
  await file.write(Buffer.from('half'))
  file.fail(new Error('the other server went away'))
  await expect(reading).rejects.toThrow('the other server went away')
  await file[Symbol.asyncDispose]()
  expect(await files()).toEqual([])
})

it('lets readers go who do not wait any longer', async () => {
  const file = await spool.begin()
  const reading = file.follow()
  const ended = buffer(reading)
  reading.destroy(new Error('gone'))
  await expect(ended).rejects.toThrow('gone')
  await file[Symbol.asyncDispose]()
})

it('sweeps what nobody writes to any longer', async () => {
  const [dead, alive] = [await spool.begin(), await spool.begin()]
  await utimes(dead.path, new Date(1000), new Date(1000))
  expect(await spool.sweep(2000)).toBe(1)
  expect(await files()).toEqual([alive.path.split('/').at(-1)])
  for (const file of [dead, alive]) await file[Symbol.asyncDispose]()
})
