import type { Readable } from 'node:stream'

/** A content that is whole: what its bytes are and how many. */
export interface Content {
  /** SHA-256. */
  readonly hash: Buffer
  /** In bytes. */
  readonly size: number
}

/** A part of a content: its first byte and its last, which belongs to it. */
export interface Range {
  readonly start: number
  readonly end: number
}

/** The bytes of a location are not there. */
export class BlobMissing extends Error {
  override readonly name = 'BlobMissing'

  constructor(location: string) {
    super(`the blob store has nothing at ${location}`)
  }
}

/**
 * Where the bytes of media are kept. A location is written once and never changes; each `put` makes a new one, so that
 * removing one cannot take what somebody has just stored.
 */
export interface BlobStore {
  /**
   * Stores a file that is whole, which is moved or copied from its path. When this returns, a power cut cannot take it.
   * @throws Unavailable, or MatrixError 507 when there is no room
   */
  put(path: string, content: Content): Promise<string>
  /** Opens what is at a location, or a part of it. @throws BlobMissing, Unavailable */
  read(location: string, range?: Range): Promise<Readable>
  /** Whether there are bytes at a location. */
  has(location: string): Promise<boolean>
  /** Removes what is at a location, if anything is. */
  delete(location: string): Promise<void>
  /** Every location that was written before `beforeTs`, in milliseconds since the epoch. Gives up what was begun before it. */
  list(beforeTs: number): AsyncIterable<string>
}
