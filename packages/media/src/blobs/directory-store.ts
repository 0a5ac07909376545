import { mkdir, open, opendir, rename, rm, stat } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import type { Readable } from 'node:stream'
import { BlobMissing, type BlobStore, type Content, type Range } from './blob-store.ts'
import { isLocation, newLocation } from './location.ts'
import { asStorageError } from './storage-full.ts'

const READ_BYTES = 64 * 1024

/** Keeps media in a directory, which several processes may share. Its spool must be on the same file system. */
export class DirectoryStore implements BlobStore {
  readonly #directory: string

  constructor({ directory }: { directory: string }) {
    this.#directory = directory
  }

  async put(path: string, { hash }: Content): Promise<string> {
    const location = newLocation(hash)
    const target = join(this.#directory, location)
    const shard = dirname(target)
    try {
      const isNew = (await mkdir(shard, { recursive: true, mode: 0o700 })) !== undefined
      await rename(path, target)
      await sync(shard)
      if (isNew) for (const parent of [dirname(shard), this.#directory]) await sync(parent)
    } catch (error) {
      throw asStorageError(error)
    }
    return location
  }

  async read(location: string, range?: Range): Promise<Readable> {
    try {
      const handle = await open(this.#pathOf(location), 'r')
      return handle.createReadStream({ ...range, highWaterMark: READ_BYTES })
    } catch (error) {
      throw isMissing(error) ? new BlobMissing(location) : error
    }
  }

  async has(location: string): Promise<boolean> {
    try {
      return (await stat(this.#pathOf(location))).isFile()
    } catch (error) {
      if (isMissing(error)) return false
      throw error
    }
  }

  async delete(location: string): Promise<void> {
    await rm(this.#pathOf(location), { force: true })
  }

  async *list(beforeTs: number): AsyncGenerator<string, undefined> {
    for await (const first of entries(this.#directory, 'directory')) {
      for await (const second of entries(join(this.#directory, first), 'directory')) {
        for await (const name of entries(join(this.#directory, first, second), 'file')) {
          const location = `${first}/${second}/${name}`
          if (isLocation(location) && (await this.#isOlder(location, beforeTs))) yield location
        }
      }
    }
  }

  /** Files that were moved here keep the time of their last byte; when they came is the time of their change. */
  async #isOlder(location: string, beforeTs: number): Promise<boolean> {
    try {
      return (await stat(this.#pathOf(location))).ctimeMs < beforeTs
    } catch (error) {
      if (isMissing(error)) return false
      throw error
    }
  }

  #pathOf(location: string): string {
    if (!isLocation(location)) throw new Error(`${location} is no location of media`)
    return join(this.#directory, location)
  }
}

/** Makes sure that the names in a directory are on the disk. */
async function sync(directory: string): Promise<void> {
  await using handle = await open(directory, 'r')
  await handle.sync()
}

async function* entries(directory: string, kind: 'directory' | 'file'): AsyncGenerator<string, undefined> {
  let opened
  try {
    opened = await opendir(directory)
  } catch (error) {
    if (isMissing(error)) return undefined
    throw error
  }
  for await (const entry of opened) if (kind === 'file' ? entry.isFile() : entry.isDirectory()) yield entry.name
}

function isMissing(error: unknown): boolean {
  return (error as NodeJS.ErrnoException).code === 'ENOENT'
}
