import { addressGroup } from '@hearth/http'
import { MatrixError, notFound, type ServerName } from '@hearth/protocol'
import type { Clock, Logger } from '@hearth/runtime'
import type { MediaRow, Store } from '@hearth/store'
import { mxcOf, type Mxc } from '../media-id.ts'
import type { FetchOptions, RemoteMedia } from '../remote/remote-media.ts'
import { DEFAULT_WAIT_MS, MAX_WAIT_MS, type PendingUploads } from '../uploads/pending-uploads.ts'
import { storedMedia, type ArrivingMedia, type MediaRequester, type StoredMedia } from './stored-media.ts'

/** A file counts as used again after so long, in milliseconds: not every download is worth a write. */
const TOUCH_EVERY_MS = 60 * 60_000

export interface MediaFilesDeps {
  readonly store: Store
  readonly remoteMedia: RemoteMedia
  readonly pending: PendingUploads
  readonly serverName: ServerName
  /** Whether those who do not say who they are get only what came before access was frozen. */
  readonly frozen: boolean
  readonly clock: Clock
  readonly logger: Logger
}

export interface FindOptions {
  readonly requester: MediaRequester
  /** How long to wait for a file that is not uploaded yet, in milliseconds. */
  readonly timeoutMs?: number | undefined
  /** Whether files of other servers may be asked for; they may when absent. */
  readonly allowRemote?: boolean | undefined
  readonly signal: AbortSignal
}

/** A file that is known, or one that is another server's and must be fetched. */
type Found = StoredMedia | { readonly mxc: Mxc; readonly fetch: FetchOptions }

/** Finds files for whoever may have them: this server's own, and those of others, which are fetched. */
export class MediaFiles {
  readonly #deps: MediaFilesDeps

  constructor(deps: MediaFilesDeps) {
    this.#deps = deps
  }

  /**
   * A file that is whole.
   * @throws MatrixError 404 when there is none for whoever asks, 504 `M_NOT_YET_UPLOADED`, 502 and 504 for what another
   *   server does not give, 429
   */
  async find(mxc: { serverName: string; mediaId: string }, options: FindOptions): Promise<StoredMedia> {
    const found = await this.#find(mxc, options)
    return 'hash' in found ? found : await this.#deps.remoteMedia.fetch(found.mxc, found.fetch)
  }

  /** A file, or one that is arriving. Throws as `find`. */
  async open(mxc: { serverName: string; mediaId: string }, options: FindOptions): Promise<StoredMedia | ArrivingMedia> {
    const found = await this.#find(mxc, options)
    return 'hash' in found ? found : await this.#deps.remoteMedia.open(found.mxc, found.fetch)
  }

  async #find({ serverName, mediaId }: { serverName: string; mediaId: string }, options: FindOptions): Promise<Found> {
    const { serverName: own, frozen } = this.#deps
    const { requester, allowRemote = true, signal } = options
    const mxc = mxcOf(serverName, mediaId)
    if (mxc === undefined) throw notFound('There is no such file')
    const isOwn = mxc.serverName === own
    if (requester.kind === 'server' && !isOwn) throw notFound('There is no such file')
    const found = await this.#known(mxc, requester)
    if (found === 'reserved') return this.#whenUploaded(mxc, options)
    if (found !== undefined) return found
    if (isOwn || !allowRemote || requester.kind === 'server' || (requester.kind === 'anybody' && frozen)) {
      throw notFound('There is no such file')
    }
    const payer = requester.kind === 'user' ? String(requester.userNid) : addressGroup(requester.ip)
    return { mxc, fetch: { payer, timeoutMs: waitOf(options), signal } }
  }

  /** A file that is here, if it is. @throws MatrixError 404 when it is, but not for whoever asks */
  async #known(mxc: Mxc, requester: MediaRequester): Promise<StoredMedia | 'reserved' | undefined> {
    const { store, frozen, clock } = this.#deps
    const serverNid = await store.servers.find(mxc.serverName)
    const row = serverNid === undefined ? undefined : await store.media.find(serverNid, mxc.mediaId)
    if (row === undefined) return undefined
    if (row.quarantined || (requester.kind === 'anybody' && frozen && row.frozen))
      throw notFound('There is no such file')
    const media = storedMedia(mxc, row)
    if (media !== undefined) {
      this.#touch(row)
      return media
    }
    return (row.expiresTs ?? 0) > clock.now() ? 'reserved' : undefined
  }

  async #whenUploaded(mxc: Mxc, options: FindOptions): Promise<StoredMedia> {
    const { requester, signal } = options
    const look = async (): Promise<StoredMedia | undefined> => {
      const known = await this.#known(mxc, requester)
      if (known === undefined) throw notFound('There is no such file')
      return known === 'reserved' ? undefined : known
    }
    const who = requester.kind === 'server' ? requester.origin : addressGroup(requester.ip)
    return this.#deps.pending.wait(look, { mediaId: mxc.mediaId, who, timeoutMs: waitOf(options), signal })
  }

  /** Writes down that a file is used, which nobody waits for. */
  #touch({ nid, lastAccessTs }: MediaRow): void {
    const { store, clock, logger } = this.#deps
    const now = clock.now()
    if (now - lastAccessTs < TOUCH_EVERY_MS) return
    store.media.touch([nid], now).catch((error: unknown) => {
      logger.warn('could not write down that a file is used', { error })
    })
  }
}

function waitOf({ timeoutMs = DEFAULT_WAIT_MS }: FindOptions): number {
  if (timeoutMs < 0) throw new MatrixError('M_INVALID_PARAM', 'timeout_ms must not be negative')
  return Math.min(timeoutMs, MAX_WAIT_MS)
}
