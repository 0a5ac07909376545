import { createHash } from 'node:crypto'
import { AddressRefused } from '@hearth/federation-client'
import { forbidden, invalidParam, MatrixError } from '@hearth/protocol'
import { Semaphore, Unavailable, type Clock, type Logger } from '@hearth/runtime'
import type { Store, UrlPreviewRow } from '@hearth/store'
import type { OpenGraph } from './open-graph.ts'
import { NoPage, type PageVisitor, type Visit } from './page-visitor.ts'

const MAX_URL_LENGTH = 4_096
const MAX_VISITS = 20
const MAX_WAITING = 200
/** How long a preview is good for, in milliseconds. */
const FRESH_MS = 12 * 60 * 60_000
/** How long an address that could not be visited is left alone, in milliseconds. */
const FAILED_MS = 10 * 60_000

export interface UrlPreviewsDeps {
  readonly store: Store
  readonly visitor: PageVisitor
  readonly enabled: boolean
  readonly clock: Clock
  readonly logger: Logger
}

/** Previews of web pages, each visited once for all who ask, and again only when what is known of it has expired. */
export class UrlPreviews {
  readonly #deps: UrlPreviewsDeps
  readonly #visits = new Semaphore({ name: 'a visit to a web page', permits: MAX_VISITS, maxWaiting: MAX_WAITING })
  readonly #underWay = new Map<string, Promise<UrlPreviewRow>>()

  constructor(deps: UrlPreviewsDeps) {
    this.#deps = deps
  }

  /**
   * The preview of an address as JSON text; an empty object for what is neither a page nor a picture.
   * @throws MatrixError 403 `M_FORBIDDEN` where previews are off, 400 for what is no address of the web, 403 `M_UNKNOWN` for
   *   one that is not visited, 502 `M_UNKNOWN` for one that gives no page
   */
  async of(address: string): Promise<string> {
    if (!this.#deps.enabled) throw forbidden('This server makes no previews of web pages')
    const url = webUrl(address)
    const { status, preview } = await this.#find(url)
    if (status === 200) return preview
    throw new MatrixError('M_UNKNOWN', JSON.parse(preview) as string, { status })
  }

  /** Looked up and, where that finds nothing, visited, once for all who ask meanwhile. */
  #find(url: URL): Promise<UrlPreviewRow> {
    const underWay = this.#underWay.get(url.href)
    if (underWay !== undefined) return underWay
    const found = this.#lookUpOrVisit(url).finally(() => this.#underWay.delete(url.href))
    this.#underWay.set(url.href, found)
    return found
  }

  async #lookUpOrVisit(url: URL): Promise<UrlPreviewRow> {
    const { store, clock } = this.#deps
    const urlHash = createHash('sha256').update(url.href).digest()
    const known = await store.urlPreviews.find(urlHash, clock.now())
    return known ?? this.#visits.run(() => this.#visit(url, urlHash))
  }

  async #visit(url: URL, urlHash: Buffer): Promise<UrlPreviewRow> {
    const { store, visitor, clock } = this.#deps
    let found: { status: number; preview: OpenGraph | string; image?: Visit['image'] }
    try {
      found = { status: 200, ...(await visitor.visit(url)) }
    } catch (error) {
      found = this.#failure(error)
    }
    const fetchedTs = clock.now()
    const row = {
      status: found.status,
      preview: JSON.stringify(found.preview),
      expiresTs: fetchedTs + (found.status === 200 ? FRESH_MS : FAILED_MS),
    }
    const imageNid = found.image?.nid ?? null
    await store.transaction((tx) => tx.urlPreviews.put({ ...row, urlHash, url: url.href, fetchedTs, imageNid }))
    return row
  }

  #failure(error: unknown): { status: number; preview: string } {
    // That this server can do no more right now says nothing of the address.
    if (error instanceof Unavailable || error instanceof MatrixError) throw error
    if (error instanceof AddressRefused) return { status: 403, preview: 'The address is not visited' }
    this.#deps.logger.debug('no page at an address', { error })
    return {
      status: 502,
      preview: error instanceof NoPage ? 'There is no page at the address' : 'The page did not answer',
    }
  }
}

function webUrl(address: string): URL {
  const url = address.length > MAX_URL_LENGTH ? null : URL.parse(address)
  if (url === null) throw invalidParam('url must be an address of the web')
  if (url.protocol !== 'http:' && url.protocol !== 'https:') {
    throw new MatrixError('M_UNKNOWN', 'Only addresses of the web have previews', { status: 400 })
  }
  url.hash = ''
  return url
}
