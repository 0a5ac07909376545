import { createHash, randomBytes } from 'node:crypto'
import { mkdir, open, opendir, rm, stat, type FileHandle } from 'node:fs/promises'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import type { Content } from './blob-store.ts'
import { asStorageError } from './storage-full.ts'

const READ_BYTES = 64 * 1024
/** So many of the last bytes are kept back from those who follow a file until it is known whether they may have it. */
export const HELD_BYTES = 64 * 1024

/** Where files are while they arrive. What a process leaves there when it dies is removed by the next sweep. */
export class Spool {
  readonly #directory: string

  constructor({ directory }: { directory: string }) {
    this.#directory = directory
  }

  /** Begins a file. Whoever begins one disposes of it. */
  async begin(): Promise<SpooledFile> {
    const path = join(this.#directory, randomBytes(16).toString('hex'))
    try {
      await mkdir(this.#directory, { recursive: true, mode: 0o700 })
      return new SpooledFile(path, await open(path, 'wx+', 0o600))
    } catch (error) {
      throw asStorageError(error)
    }
  }

  /** Removes what nobody has written to since `beforeTs`, in milliseconds since the epoch; gives how many files. */
  async sweep(beforeTs: number): Promise<number> {
    let removed = 0
    for await (const entry of await opendir(this.#directory).catch(() => [])) {
      const path = join(this.#directory, entry.name)
      const changedTs = await stat(path).then(
        ({ mtimeMs }) => mtimeMs,
        () => Infinity,
      )
      if (!entry.isFile() || changedTs >= beforeTs) continue
      await rm(path, { force: true })
      removed += 1
    }
    return removed
  }
}

/** A file that arrives: written by one, read meanwhile by any number, and stored or thrown away at the end. */
export class SpooledFile implements AsyncDisposable {
  readonly path: string
  readonly #handle: FileHandle
  readonly #hash = createHash('sha256')
  readonly #waiting = new Set<() => void>()
  #bytes = 0
  #end: 'released' | { readonly error: unknown } | undefined
  #readers = 0
  #disposed = false

  constructor(path: string, handle: FileHandle) {
    this.path = path
    this.#handle = handle
  }

  /** How much has arrived. */
  get bytes(): number {
    return this.#bytes
  }

  /** Whether nobody can begin to read it any longer. */
  get isClosed(): boolean {
    return this.#disposed
  }

  /** Adds bytes. @throws MatrixError 507 when there is no room */
  async write(chunk: Uint8Array): Promise<void> {
    this.#hash.update(chunk)
    try {
      for (let at = 0; at < chunk.length;) {
        const { bytesWritten } = await this.#handle.write(chunk, at, chunk.length - at, this.#bytes + at)
        at += bytesWritten
      }
    } catch (error) {
      throw asStorageError(error)
    }
    this.#bytes += chunk.length
    this.#wake()
  }

  /** Makes sure that all of it is on the disk. */
  async finish(): Promise<Content> {
    try {
      await this.#handle.sync()
    } catch (error) {
      throw asStorageError(error)
    }
    return { hash: this.#hash.digest(), size: this.#bytes }
  }

  /** Says that this is all, and may be seen to its end. */
  release(): void {
    this.#end ??= 'released'
    this.#wake()
  }

  /** Says that no more will come, and why: whoever reads fails with it. */
  fail(error: unknown): void {
    this.#end ??= { error }
    this.#wake()
  }

  /** The bytes from the first on, as they arrive, the last ones when they are released; who has not read to the end when the file is moved still can. */
  follow(): Readable {
    if (this.#disposed) throw new Error('the file is closed')
    this.#readers += 1
    let at = 0
    const stream = new Readable({
      highWaterMark: READ_BYTES,
      read: () => {
        this.#next(at, () => stream.destroyed).then(
          (chunk) => {
            at += chunk?.length ?? 0
            stream.push(chunk)
          },
          (error: unknown) => stream.destroy(error as Error),
        )
      },
      destroy: (error, done) => {
        this.#readers -= 1
        this.#closeIfUnused().then(() => done(error), done)
      },
    })
    return stream
  }

  /** Removes the file unless it was moved, and lets go of it when the last reader has. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.fail(new Error('the file was thrown away'))
    this.#disposed = true
    await rm(this.path, { force: true })
    await this.#closeIfUnused()
  }

  async #closeIfUnused(): Promise<void> {
    if (this.#disposed && this.#readers === 0) await this.#handle.close()
  }

  /** The bytes at a position, when they have come; null at the end. */
  async #next(at: number, isGone: () => boolean): Promise<Buffer | null> {
    while (at >= this.#readable) {
      if (this.#end === 'released' || isGone()) return null
      if (this.#end !== undefined) throw this.#end.error
      await new Promise<void>((resolve) => this.#waiting.add(resolve))
    }
    const length = Math.min(READ_BYTES, this.#readable - at)
    const { buffer, bytesRead } = await this.#handle.read(Buffer.allocUnsafe(length), 0, length, at)
    return buffer.subarray(0, bytesRead)
  }

  /** How much may be read. */
  get #readable(): number {
    return this.#end === 'released' ? this.#bytes : this.#bytes - HELD_BYTES
  }

  #wake(): void {
    for (const resolve of this.#waiting) resolve()
    this.#waiting.clear()
  }
}
