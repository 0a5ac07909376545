import { DeadlineExceeded, InvalidAnswer, RemoteError, ServerUnreachable } from '@hearth/federation-client'
import { MatrixError, notFound } from '@hearth/protocol'
import { Semaphore, Unavailable, type Clock, type Logger } from '@hearth/runtime'
import type { Store } from '@hearth/store'
import { nameInDisposition } from '../answers/content-disposition.ts'
import { contentTypeOf } from '../answers/content-type.ts'
import type { Blobs } from '../blobs/blobs.ts'
import { HELD_BYTES } from '../blobs/spool.ts'
import { storedMedia, type ArrivingMedia, type StoredMedia } from '../files/stored-media.ts'
import { mxcUri, type Mxc } from '../media-id.ts'
import { Arrival } from './arrival.ts'
import type { ByteBudget } from './byte-budget.ts'
import type { RemoteSource } from './remote-source.ts'

/** So many files are fetched at a time; more wait. */
const FETCHING = 100
const WAITING = 1_000
/** Of one server: one that is slow keeps nobody from the files of others. */
const FETCHING_OF_SERVER = 10

export interface RemoteMediaDeps {
  readonly store: Store
  readonly blobs: Blobs
  readonly source: RemoteSource
  readonly budget: ByteBudget
  readonly maxBytes: number
  readonly frozen: boolean
  readonly clock: Clock
  readonly logger: Logger
}

export interface FetchOptions {
  /** On whose account the bytes are fetched. */
  readonly payer: string
  /** How long the other server may wait for a file that is still being sent to it, in milliseconds. */
  readonly timeoutMs: number
  readonly signal: AbortSignal
}

/** Fetches files of other servers: each once, however many ask for it meanwhile, and for as long as anybody does. */
export class RemoteMedia {
  readonly #deps: RemoteMediaDeps
  readonly #arrivals = new Map<string, Arrival>()
  readonly #fetching = new Semaphore({ name: 'files of other servers', permits: FETCHING, maxWaiting: WAITING })
  readonly #ofServer = new Map<string, Semaphore>()

  constructor(deps: RemoteMediaDeps) {
    this.#deps = deps
  }

  /**
   * Fetches a file and waits for all of it.
   * @throws MatrixError 404, 429, 502, 504; Unavailable; the signal's reason
   */
  async fetch(mxc: Mxc, options: FetchOptions): Promise<StoredMedia> {
    const arrival = this.#arrivalOf(mxc, options)
    const release = arrival.hold()
    try {
      return await orAborted(arrival.whole, options.signal)
    } finally {
      release()
    }
  }

  /** Fetches a file and gives it as it arrives. Throws as `fetch`; what goes wrong later is an error of the stream. */
  async open(mxc: Mxc, options: FetchOptions): Promise<ArrivingMedia | StoredMedia> {
    const arrival = this.#arrivalOf(mxc, options)
    const release = arrival.hold()
    const opening = arrival.open()
    try {
      const media = await orAborted(opening, options.signal)
      if ('stream' in media) media.stream.once('close', release)
      else release()
      return media
    } catch (error) {
      release()
      opening.then(
        (media) => 'stream' in media && media.stream.destroy(),
        () => undefined,
      )
      throw error
    }
  }

  #arrivalOf(mxc: Mxc, options: FetchOptions): Arrival {
    const key = mxcUri(mxc)
    const known = this.#arrivals.get(key)
    if (known !== undefined && !known.signal.aborted) return known
    this.#deps.budget.check(options.payer)
    const arrival = new Arrival()
    this.#arrivals.set(key, arrival)
    void this.#fetch(mxc, arrival, options).finally(() => {
      if (this.#arrivals.get(key) === arrival) this.#arrivals.delete(key)
    })
    return arrival
  }

  async #fetch(mxc: Mxc, arrival: Arrival, { payer, timeoutMs }: FetchOptions): Promise<void> {
    const { signal } = arrival
    try {
      await this.#inTurn(mxc.serverName, signal, async () => {
        // Somebody may have fetched it between the look for it and now.
        arrival.finish((await this.#stored(mxc)) ?? (await this.#receive(mxc, arrival, { payer, timeoutMs })))
      })
    } catch (error) {
      const refusal = refusalOf(error)
      const isExpected = refusal !== error || error instanceof MatrixError || error instanceof Unavailable
      if (!isExpected && !signal.aborted) {
        this.#deps.logger.error('a file of another server could not be taken', { error, mxc: mxcUri(mxc) })
      }
      arrival.fail(refusal)
    }
  }

  async #receive(
    mxc: Mxc,
    arrival: Arrival,
    { payer, timeoutMs }: { payer: string; timeoutMs: number },
  ): Promise<StoredMedia> {
    const { store, blobs, source, budget, maxBytes, frozen, clock } = this.#deps
    using remote = await source.open(mxc, { timeoutMs, signal: arrival.signal })
    await using file = await blobs.begin()
    const contentType = contentTypeOf(remote.contentType)
    const name = nameInDisposition(remote.contentDisposition)
    try {
      let isBegun = false
      for await (const chunk of remote.body) {
        budget.take(payer, chunk.length)
        if (file.bytes + chunk.length > maxBytes) throw tooLarge()
        await file.write(chunk)
        // A small one is handed on when it is here, and not at all when nobody may have it.
        if (isBegun || file.bytes <= HELD_BYTES) continue
        arrival.begin({ contentType, name }, file)
        isBegun = true
      }
      arrival.received()
      const serverNid = await store.servers.intern(mxc.serverName)
      await blobs.keep(file, async (tx, { hash }) => {
        const facts = { contentType, name: name ?? null, frozen, now: clock.now() }
        await tx.media.insert({ serverNid, mediaId: mxc.mediaId, userNid: null, hash, ...facts })
      })
      const media = await this.#stored(mxc)
      if (media === undefined) throw new Error('a file vanished while it was being stored')
      file.release()
      return media
    } catch (error) {
      file.fail(refusalOf(error))
      throw error
    }
  }

  async #stored(mxc: Mxc): Promise<StoredMedia | undefined> {
    const { store } = this.#deps
    const serverNid = await store.servers.find(mxc.serverName)
    const row = serverNid === undefined ? undefined : await store.media.find(serverNid, mxc.mediaId)
    if (row?.quarantined === true) throw notFound('There is no such file')
    return row && storedMedia(mxc, row)
  }

  /** Waits for a turn among all, and among those of one server. */
  async #inTurn(serverName: string, signal: AbortSignal, work: () => Promise<void>): Promise<void> {
    let semaphore = this.#ofServer.get(serverName)
    if (semaphore === undefined) {
      const name = `files of ${serverName}`
      semaphore = new Semaphore({ name, permits: FETCHING_OF_SERVER, maxWaiting: WAITING })
      this.#ofServer.set(serverName, semaphore)
    }
    try {
      await semaphore.run(() => this.#fetching.run(work, signal), signal)
    } finally {
      if (semaphore.running === 0 && semaphore.waiting === 0) this.#ofServer.delete(serverName)
    }
  }
}

function tooLarge(): MatrixError {
  return new MatrixError('M_TOO_LARGE', 'The file is too large to be fetched', { status: 502 })
}

/** What those who ask are told of a server that does not give its file. Other errors stay as they are. */
function refusalOf(error: unknown): unknown {
  if (error instanceof RemoteError) {
    const { errcode, status } = error
    if (errcode === 'M_TOO_LARGE') return tooLarge()
    if (errcode === 'M_NOT_YET_UPLOADED') return new MatrixError(errcode, 'The file has not been uploaded yet')
    if (status === 404 || status === 403) return notFound('There is no such file')
  } else if (!(error instanceof ServerUnreachable)) return error
  else if (error.cause instanceof DeadlineExceeded) {
    return new MatrixError('M_UNKNOWN', 'The other server takes too long', { status: 504, cause: error })
  } else if (error.cause instanceof InvalidAnswer && error.cause.message === 'it is too long') return tooLarge()
  return new MatrixError('M_UNKNOWN', 'The other server does not give the file', { status: 502, cause: error })
}

function orAborted<T>(work: Promise<T>, signal: AbortSignal): Promise<T> {
  return new Promise((resolve, reject) => {
    const onAbort = (): void => reject(signal.reason as Error)
    if (signal.aborted) onAbort()
    signal.addEventListener('abort', onAbort, { once: true })
    work.finally(() => signal.removeEventListener('abort', onAbort)).then(resolve, reject)
  })
}
