import { InvalidAnswer, type WebAnswer, type WebClient } from '@hearth/federation-client'
import type { Clock, Logger } from '@hearth/runtime'
import type { Blobs } from '../blobs/blobs.ts'
import type { LocalMedia } from '../files/local-media.ts'
import type { StoredMedia } from '../files/stored-media.ts'
import { imageTypeOf, IMAGE_TYPE_BYTES } from '../images/image-type.ts'
import type { ImageWorkers } from '../images/image-workers.ts'
import type { Store } from '@hearth/store'
import type { DenyList } from './deny-list.ts'
import { oEmbedFacts, type OEmbedFacts } from './oembed.ts'
import { imagesOf, openGraphOf, webAddress, type OpenGraph } from './open-graph.ts'
import { readPage } from './page-facts.ts'
import { pageText } from './page-text.ts'

const MiB = 1024 * 1024
/** Pages say what they are at their beginning: what is longer is read so far. */
const MAX_PAGE_BYTES = 2 * MiB
const MAX_IMAGE_BYTES = 10 * MiB
const MAX_OEMBED_BYTES = 64 * 1024
const MAX_REDIRECTS = 5
/** Of the pictures that a page names, so many are tried. */
const MAX_IMAGES = 2

/** All of a preview takes 29 s at most. */
const pageLimits = { connectMs: 5_000, firstByteMs: 10_000, idleMs: 5_000, totalMs: 12_000 }
const partLimits = { ...pageLimits, firstByteMs: 5_000, totalMs: 5_000 }
const imageLimits = { ...pageLimits, firstByteMs: 5_000, totalMs: 6_000 }

/** What was found at an address. */
export interface Visit {
  readonly preview: OpenGraph
  readonly image: StoredMedia | undefined
}

/** A web server has answered, but not with a page. */
export class NoPage extends Error {
  override readonly name = 'NoPage'
}

export interface PageVisitorDeps {
  readonly webClient: Pick<WebClient, 'get'>
  readonly denyList: DenyList
  readonly localMedia: LocalMedia
  readonly blobs: Blobs
  readonly imageWorkers: ImageWorkers
  readonly store: Store
  readonly clock: Clock
  readonly logger: Logger
}

/** Visits addresses of the web to find out what is there. */
export class PageVisitor {
  readonly #deps: PageVisitorDeps

  constructor(deps: PageVisitorDeps) {
    this.#deps = deps
  }

  /**
   * Describes a page or a picture; what is neither has an empty preview, and is not read.
   * @throws AddressRefused, NoPage, InvalidAnswer, another error when there is no answer
   */
  async visit(url: URL): Promise<Visit> {
    using answer = await this.#get(url, {
      accept: 'text/html, image/*;q=0.8',
      limits: pageLimits,
      maxBytes: MAX_IMAGE_BYTES,
    })
    if (answer.status < 200 || answer.status > 299) throw new NoPage(`the status is ${answer.status}`)
    const type = (answer.headers['content-type'] ?? '').split(';', 1)[0]!.trim().toLowerCase()
    if (type === 'text/html' || type === 'application/xhtml+xml') return await this.#page(answer)
    if (type.startsWith('image/')) return await this.#picture(answer)
    return { preview: {}, image: undefined }
  }

  async #page(answer: WebAnswer): Promise<Visit> {
    const { url } = answer
    const text = pageText(atMost(MAX_PAGE_BYTES, answer.body()), answer.headers['content-type'])
    const page = await readPage(text, this.#deps.clock)
    answer[Symbol.dispose]()
    const described = page.meta.has('og:title') && page.meta.has('og:image')
    const oEmbed = described || page.oEmbed === undefined ? {} : await this.#oEmbed(page.oEmbed, url)
    const preview = openGraphOf(page, url, oEmbed)
    for (const candidate of imagesOf(page, url, oEmbed).slice(0, MAX_IMAGES)) {
      const found = await this.#image(candidate)
      if (found !== undefined) return { preview: { ...preview, ...found.preview }, image: found.image }
    }
    const { 'og:image:alt': _, ...withoutImage } = preview
    return { preview: withoutImage, image: undefined }
  }

  async #picture(answer: WebAnswer): Promise<Visit> {
    const name = decoded(answer.url.pathname.split('/').at(-1) ?? '')
    const stored = await this.#store(answer)
    return stored === undefined
      ? { preview: {}, image: undefined }
      : { preview: { ...(name && { 'og:title': name }), ...stored.preview }, image: stored.image }
  }

  /** A picture of a page. There is none when it cannot be had: the page is described all the same. */
  async #image(url: URL): Promise<Visit | undefined> {
    try {
      using answer = await this.#get(url, { accept: 'image/*', limits: imageLimits, maxBytes: MAX_IMAGE_BYTES })
      return answer.status === 200 ? await this.#store(answer) : undefined
    } catch (error) {
      this.#deps.logger.debug('the picture of a page is not to be had', { error })
      return undefined
    }
  }

  /** Keeps a picture, if it is one. */
  async #store(answer: WebAnswer): Promise<Visit | undefined> {
    const { localMedia, imageWorkers, blobs, store } = this.#deps
    const { contentType, bytes } = await typed(answer.body())
    if (contentType === undefined) return undefined
    const image = await localMedia.create(bytes, {
      userNid: null,
      contentType,
      name: undefined,
      maxBytes: MAX_IMAGE_BYTES,
    })
    try {
      const facts = await imageWorkers.describe({ size: image.size, read: () => blobs.read(image.hash) })
      const preview = {
        'og:image': `mxc://${image.serverName}/${image.mediaId}`,
        'og:image:type': facts.contentType,
        'og:image:width': facts.width,
        'og:image:height': facts.height,
        'matrix:image:size': image.size,
      }
      return { preview, image }
    } catch (error) {
      await store.media.delete([image.nid])
      this.#deps.logger.debug('the picture of a page cannot be read', { error })
      return undefined
    }
  }

  async #oEmbed(address: string, at: URL): Promise<OEmbedFacts> {
    const url = webAddress(address, at)
    if (url === undefined) return {}
    try {
      using answer = await this.#get(url, {
        accept: 'application/json',
        limits: partLimits,
        maxBytes: MAX_OEMBED_BYTES,
      })
      if (answer.status !== 200) return {}
      const parts: Buffer[] = []
      for await (const part of answer.body()) parts.push(part)
      return oEmbedFacts(Buffer.concat(parts).toString())
    } catch (error) {
      this.#deps.logger.debug('the description of a page is not to be had', { error })
      return {}
    }
  }

  #get(url: URL, request: { accept: string; limits: typeof pageLimits; maxBytes: number }): Promise<WebAnswer> {
    const { webClient, denyList } = this.#deps
    return webClient.get(url, { ...request, maxRedirects: MAX_REDIRECTS, mayFetch: (each) => denyList.allows(each) })
  }
}

/** The beginning of a body; what comes later, and whatever happens then, does not matter. */
async function* atMost(maxBytes: number, body: AsyncIterable<Buffer>): AsyncGenerator<Buffer, undefined> {
  let length = 0
  try {
    for await (const part of body) {
      yield part.subarray(0, maxBytes - length)
      length += part.length
      if (length >= maxBytes) return
    }
  } catch (error) {
    // One that is said to be longer than anything is read is refused before its first byte.
    if (length === 0 || !(error instanceof InvalidAnswer)) throw error
  }
}

/** Looks at the first bytes of a body: what type of picture it is, and all of its bytes. */
async function typed(body: AsyncGenerator<Buffer, undefined>) {
  let head: Buffer = Buffer.alloc(0)
  while (head.length < IMAGE_TYPE_BYTES) {
    const next = await body.next()
    if (next.done === true) break
    head = Buffer.concat([head, next.value])
  }
  const bytes = (async function* () {
    yield head
    yield* body
  })()
  return { contentType: imageTypeOf(head), bytes }
}

function decoded(segment: string): string {
  try {
    return decodeURIComponent(segment).toWellFormed().slice(0, 200)
  } catch {
    return segment.slice(0, 200)
  }
}
