import {
  InvalidAnswer,
  RemoteError,
  ServerUnreachable,
  type FederationClient,
  type MediaAnswer,
  type WebAnswer,
  type WebClient,
} from '@hearth/federation-client'
import type { ServerName } from '@hearth/protocol'
import { LruCache, type Clock } from '@hearth/runtime'
import type { Mxc } from '../media-id.ts'

const MAX_REDIRECTS = 5
const cdnLimits = { connectMs: 10_000, firstByteMs: 30_000, idleMs: 20_000, totalMs: 60 * 60_000 }
/** How long a server is taken for an old one that gives files to anybody, in milliseconds. */
const OLD_FOR_MS = 60 * 60_000
const MAX_OLD_SERVERS = 10_000

/** A file of another server as it comes. To be disposed of. */
export interface RemoteFile extends Disposable {
  readonly contentType: string | undefined
  readonly contentDisposition: string | undefined
  /** @throws ServerUnreachable, the signal's reason */
  readonly body: AsyncIterable<Buffer>
}

export interface RemoteSourceDeps {
  readonly federationClient: Pick<FederationClient, 'getMedia' | 'getMediaUnauthenticated'>
  readonly webClient: Pick<WebClient, 'get'>
  readonly maxBytes: number
  readonly clock: Clock
}

/** Opens files of other servers, wherever those have them. */
export class RemoteSource {
  readonly #deps: RemoteSourceDeps
  /** Until when servers are asked in the old way. */
  readonly #old = new LruCache<ServerName, number>({ name: 'old_media_servers', maxEntries: MAX_OLD_SERVERS })

  constructor(deps: RemoteSourceDeps) {
    this.#deps = deps
  }

  /** @throws RemoteError, ServerUnreachable, the signal's reason */
  async open(mxc: Mxc, { timeoutMs, signal }: { timeoutMs: number; signal: AbortSignal }): Promise<RemoteFile> {
    const answer = await this.#ask(mxc, timeoutMs, signal)
    const { location } = answer
    if (location === undefined) return answer
    answer[Symbol.dispose]()
    return this.#follow(mxc.serverName, location, signal)
  }

  async #ask({ serverName, mediaId }: Mxc, timeoutMs: number, signal: AbortSignal): Promise<MediaAnswer> {
    const { federationClient, maxBytes, clock } = this.#deps
    const options = { maxBytes, timeoutMs, signal }
    if ((this.#old.get(serverName) ?? 0) > clock.monotonic()) {
      return federationClient.getMediaUnauthenticated(serverName, mediaId, options)
    }
    try {
      return await federationClient.getMedia(serverName, mediaId, options)
    } catch (error) {
      if (!(error instanceof RemoteError && error.errcode === 'M_UNRECOGNIZED')) throw error
    }
    const answer = await federationClient.getMediaUnauthenticated(serverName, mediaId, options)
    this.#old.set(serverName, clock.monotonic() + OLD_FOR_MS)
    return answer
  }

  /** Follows where a server sends us: whatever it names, only what anybody could reach is asked. */
  async #follow(origin: ServerName, location: string, signal: AbortSignal): Promise<RemoteFile> {
    const url = URL.parse(location)
    if (url === null) throw new ServerUnreachable(origin, new InvalidAnswer('the file is said to be at no URL'))
    let answer: WebAnswer | undefined
    try {
      answer = await this.#deps.webClient.get(url, {
        accept: '*/*',
        limits: cdnLimits,
        maxBytes: this.#deps.maxBytes,
        maxRedirects: MAX_REDIRECTS,
        httpsOnly: true,
        signal,
      })
      if (answer.status !== 200) throw new InvalidAnswer(`the file's place answers with ${answer.status}`)
    } catch (error) {
      answer?.[Symbol.dispose]()
      throw signal.aborted ? signal.reason : new ServerUnreachable(origin, error)
    }
    return fileOf(origin, answer, signal)
  }
}

function fileOf(origin: ServerName, answer: WebAnswer, signal: AbortSignal): RemoteFile {
  return {
    contentType: answer.headers['content-type'],
    contentDisposition: answer.headers['content-disposition'],
    body: (async function* () {
      try {
        yield* answer.body()
      } catch (error) {
        throw signal.aborted ? signal.reason : new ServerUnreachable(origin, error)
      }
    })(),
    [Symbol.dispose]: () => answer[Symbol.dispose](),
  }
}
