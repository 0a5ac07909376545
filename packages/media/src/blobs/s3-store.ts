import { createReadStream } from 'node:fs'
import { rm } from 'node:fs/promises'
import type { Readable } from 'node:stream'
import {
  AbortMultipartUploadCommand,
  DeleteObjectCommand,
  GetObjectCommand,
  HeadObjectCommand,
  ListMultipartUploadsCommand,
  paginateListObjectsV2,
  S3Client,
} from '@aws-sdk/client-s3'
import { Upload } from '@aws-sdk/lib-storage'
import { Semaphore, Unavailable } from '@hearth/runtime'
import { BlobMissing, type BlobStore, type Content, type Range } from './blob-store.ts'
import { isLocation, newLocation } from './location.ts'

const PART_BYTES = 8 * 1024 * 1024
/** So many files are sent at a time, one part of each: parts are in memory. */
const SENDING = 4
const WAITING = 1_000
/** Downloads each have a connection. */
const MAX_CONNECTIONS = 500

export interface S3StoreOptions {
  /** The URL of a store that is not Amazon's. */
  readonly endpoint?: string | undefined
  readonly region: string
  readonly bucket: string
  /** Taken from the environment, as Amazon's tools do, when absent. */
  readonly credentials?: { readonly accessKeyId: string; readonly secretAccessKey: string } | undefined
}

/** Keeps media in a bucket of any S3-compatible store. */
export class S3Store implements BlobStore {
  readonly #client: S3Client
  readonly #bucket: string
  readonly #sending = new Semaphore({ name: 'the media store', permits: SENDING, maxWaiting: WAITING })

  constructor({ endpoint, region, bucket, credentials }: S3StoreOptions) {
    this.#bucket = bucket
    this.#client = new S3Client({
      region,
      ...(endpoint !== undefined && { endpoint, forcePathStyle: true }),
      ...(credentials !== undefined && { credentials }),
      // Compatible stores do not all know the checksums that Amazon's takes.
      requestChecksumCalculation: 'WHEN_REQUIRED',
      responseChecksumValidation: 'WHEN_REQUIRED',
      maxAttempts: 3,
      requestHandler: {
        connectionTimeout: 5_000,
        socketTimeout: 60_000,
        httpAgent: { maxSockets: MAX_CONNECTIONS },
        httpsAgent: { maxSockets: MAX_CONNECTIONS },
      },
    })
  }

  async put(path: string, { hash, size }: Content): Promise<string> {
    const Key = newLocation(hash)
    await this.#sending.run(async () => {
      const upload = new Upload({
        client: this.#client,
        params: {
          Bucket: this.#bucket,
          Key,
          Body: createReadStream(path),
          ContentLength: size,
          ContentType: 'application/octet-stream',
        },
        partSize: PART_BYTES,
        queueSize: 1,
      })
      await upload.done().catch((error: unknown) => {
        throw unavailable(error)
      })
    })
    await rm(path, { force: true })
    return Key
  }

  async read(location: string, range?: Range): Promise<Readable> {
    const Range = range && `bytes=${range.start}-${range.end}`
    try {
      const command = new GetObjectCommand({ Bucket: this.#bucket, Key: location, ...(Range && { Range }) })
      return (await this.#client.send(command)).Body as Readable
    } catch (error) {
      throw isMissing(error) ? new BlobMissing(location) : unavailable(error)
    }
  }

  async has(location: string): Promise<boolean> {
    try {
      await this.#client.send(new HeadObjectCommand({ Bucket: this.#bucket, Key: location }))
      return true
    } catch (error) {
      if (isMissing(error)) return false
      throw unavailable(error)
    }
  }

  async delete(location: string): Promise<void> {
    try {
      await this.#client.send(new DeleteObjectCommand({ Bucket: this.#bucket, Key: location }))
    } catch (error) {
      throw unavailable(error)
    }
  }

  async *list(beforeTs: number): AsyncGenerator<string, undefined> {
    await this.#giveUp(beforeTs)
    for await (const page of paginateListObjectsV2({ client: this.#client }, { Bucket: this.#bucket })) {
      for (const { Key, LastModified } of page.Contents ?? []) {
        if (Key !== undefined && isLocation(Key) && (LastModified?.getTime() ?? Infinity) < beforeTs) yield Key
      }
    }
  }

  /** Closes the connections that are kept. */
  close(): void {
    this.#client.destroy()
  }

  /** The parts of a file whose sender has died take room and are in no list of files. */
  async #giveUp(beforeTs: number): Promise<void> {
    const { Uploads = [] } = await this.#client.send(new ListMultipartUploadsCommand({ Bucket: this.#bucket }))
    for (const { Key, UploadId, Initiated } of Uploads) {
      if (Key === undefined || !isLocation(Key) || (Initiated?.getTime() ?? Infinity) >= beforeTs) continue
      await this.#client.send(new AbortMultipartUploadCommand({ Bucket: this.#bucket, Key, UploadId }))
    }
  }
}

function isMissing(error: unknown): boolean {
  return ['NoSuchKey', 'NotFound'].includes((error as Error).name)
}

function unavailable(error: unknown): Unavailable {
  return new Unavailable('the media store gives no answer', { cause: error })
}
