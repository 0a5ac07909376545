import { createHash, randomBytes } from 'node:crypto'
import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { buffer } from 'node:stream/consumers'
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import { BlobMissing, type BlobStore } from '../src/index.ts'

/** All that comes. */
export async function toArray<T>(items: AsyncIterable<T>): Promise<T[]> {
  const array: T[] = []
  for await (const item of items) array.push(item)
  return array
}

/** What every blob store must do. `directory`: where files to be stored may be, on the same disk as the store. */
export function describeBlobStore(name: string, open: (directory: string) => Promise<BlobStore>): void {
  describe(name, () => {
    let directory: string
    let blobs: BlobStore

    beforeAll(async () => {
      directory = await mkdtemp(join(tmpdir(), 'hearth-blobs-'))
      blobs = await open(directory)
    })
    afterAll(() => rm(directory, { recursive: true }))

    async function put(bytes: Uint8Array): Promise<string> {
      const path = join(directory, randomBytes(8).toString('hex'))
      await writeFile(path, bytes)
      const hash = createHash('sha256').update(bytes).digest()
      return await blobs.put(path, { hash, size: bytes.length })
    }

    it('gives back what was put into it, whole and in part', async () => {
      const bytes = randomBytes(300_000)
      const location = await put(bytes)
      expect(await buffer(await blobs.read(location))).toEqual(bytes)
      expect(await buffer(await blobs.read(location, { start: 0, end: 0 }))).toEqual(bytes.subarray(0, 1))
      const part = await buffer(await blobs.read(location, { start: 1000, end: 200_000 }))
      expect(part).toEqual(bytes.subarray(1000, 200_001))
      expect(await blobs.has(location)).toBe(true)
    })

    it('keeps empty files, and files of many parts', async () => {
      expect(await buffer(await blobs.read(await put(new Uint8Array())))).toHaveLength(0)
      const large = Buffer.alloc(20 * 1024 * 1024, 'abcdefg')
      const location = await put(large)
      expect((await buffer(await blobs.read(location))).equals(large)).toBe(true)
      const end = await buffer(await blobs.read(location, { start: large.length - 3, end: large.length - 1 }))
      expect(end).toEqual(large.subarray(-3))
    })

    it('takes the file away from where it was, and gives the same content another place each time', async () => {
      const before = await readdir(directory)
      const [first, second] = [await put(Buffer.from('same')), await put(Buffer.from('same'))]
      expect((await readdir(directory)).filter((entry) => /^[0-9a-f]{16}$/.test(entry))).toEqual(
        before.filter((entry) => /^[0-9a-f]{16}$/.test(entry)),
      )
      expect(first).not.toBe(second)
      await blobs.delete(first)
      expect([await blobs.has(first), await blobs.has(second)]).toEqual([false, true])
    })

    it('knows what is not there', async () => {
      const location = await put(Buffer.from('gone'))
      await blobs.delete(location)
      await blobs.delete(location)
      expect(await blobs.has(location)).toBe(false)
      await expect(blobs.read(location)).rejects.toBeInstanceOf(BlobMissing)
    })

    it('lists what has been there for a while', async () => {
      const location = await put(Buffer.from('listed'))
      const all = await toArray(blobs.list(Date.now() + 60_000))
      expect(all).toContain(location)
      expect(await toArray(blobs.list(Date.now() - 60_000))).not.toContain(location)
    })

    it('lets go of a file that is not read to its end', async () => {
      const location = await put(Buffer.alloc(5 * 1024 * 1024))
      const stream = await blobs.read(location)
      for await (const chunk of stream) {
        expect((chunk as Buffer).length).toBeGreaterThan(0)
        break
      }
      await vi.waitFor(() => expect(stream.destroyed).toBe(true), 30_000)
    })
  })
}
