import { Parser } from 'htmlparser2'
import { TimeSlice, type Clock } from '@hearth/runtime'
import { jsonLdFacts, type JsonLdFacts } from './json-ld.ts'

/** Whoever nests deeper has no readers in mind; what was found before counts. */
const MAX_DEPTH = 1_000
const MAX_META = 200
const MAX_VALUE = 4_096
const MAX_JSON_LD = 64 * 1024
const MAX_TITLE = 2_000
/** A description made of paragraphs is about so long. */
const ENOUGH_PARAGRAPHS = 300
/** Pieces in which text is parsed, in UTF-16 units: each takes a few milliseconds at most. */
const PIECE_LENGTH = 16 * 1024
/** Images that say that they are smaller, in pixels, are icons and beacons. */
const MIN_IMAGE_SIZE = 64

/** Elements whose text nobody reads, or not as part of the page. */
const besides: ReadonlySet<string> = new Set([
  ...['script', 'style', 'noscript', 'template', 'svg', 'nav', 'header', 'footer', 'aside', 'form', 'button', 'figure'],
])

/** What a page says of itself. Texts are as they stand in it. */
export interface PageFacts {
  /** The first value of each `property` or `name` of its meta elements, in lower case. */
  readonly meta: ReadonlyMap<string, string>
  readonly title: string | undefined
  readonly jsonLd: JsonLdFacts
  /** The first paragraphs. */
  readonly text: string
  /** The first picture, as a URL that may be relative. */
  readonly image: string | undefined
  /** What relative URLs are relative to, if the page says that. */
  readonly base: string | undefined
  /** Where its oEmbed description in JSON is. */
  readonly oEmbed: string | undefined
}

/** Reads what a page says of itself, without ever holding more of it than a few kilobytes or the event loop for long. */
export async function readPage(text: AsyncIterable<string>, clock: Clock): Promise<PageFacts> {
  const reader = new PageReader()
  const slice = new TimeSlice(clock)
  for await (const part of text) {
    for (let at = 0; at < part.length && !reader.isDone; at += PIECE_LENGTH) {
      reader.write(part.slice(at, at + PIECE_LENGTH))
      if (slice.isOver) await slice.rest()
    }
    if (reader.isDone) break
  }
  return reader.facts()
}

class PageReader {
  /** Nothing that matters can come any more. */
  isDone = false
  readonly #parser: Parser
  readonly #meta = new Map<string, string>()
  readonly #jsonLd: JsonLdFacts[] = []
  #depth = 0
  /** How many of the elements that are open are `besides`. */
  #besides = 0
  #title: string | undefined
  #text = ''
  #image: string | undefined
  #base: string | undefined
  #oEmbed: string | undefined
  /** What the text that comes now is part of. */
  #collecting: 'title' | 'json-ld' | 'paragraph' | undefined
  #collected = ''

  constructor() {
    this.#parser = new Parser({
      onopentag: (name, attributes) => this.#open(name, attributes),
      onclosetag: (name) => this.#close(name),
      ontext: (text) => this.#collect(text),
    })
  }

  write(text: string): void {
    this.#parser.write(text)
  }

  facts(): PageFacts {
    this.#finish()
    return {
      meta: this.#meta,
      title: this.#title,
      jsonLd: Object.assign({}, ...this.#jsonLd.toReversed()) as JsonLdFacts,
      text: this.#text,
      image: this.#image,
      base: this.#base,
      oEmbed: this.#oEmbed,
    }
  }

  #open(name: string, attributes: Readonly<Record<string, string>>): void {
    this.#depth += 1
    if (this.#depth > MAX_DEPTH) this.isDone = true
    if (besides.has(name)) this.#besides += 1
    switch (name) {
      case 'meta':
        this.#readMeta(attributes)
        break
      case 'link':
        this.#readLink(attributes)
        break
      case 'base':
        this.#base ??= attributes['href']?.slice(0, MAX_VALUE)
        break
      case 'img':
        if (this.#besides === 0 && isPicture(attributes)) this.#image ??= attributes['src']
        break
      case 'title':
        // One in an SVG is the title of a drawing.
        if (this.#besides === 0 && this.#title === undefined) this.#begin('title')
        break
      case 'script':
        if (attributes['type']?.trim().toLowerCase() === 'application/ld+json') this.#begin('json-ld')
        break
      case 'p':
        if (this.#besides === 0 && this.#text.length < ENOUGH_PARAGRAPHS) this.#begin('paragraph')
    }
  }

  #close(name: string): void {
    this.#depth -= 1
    if (besides.has(name)) this.#besides -= 1
    if (name === 'title' || name === 'script' || name === 'p') this.#finish()
  }

  #begin(what: 'title' | 'json-ld' | 'paragraph'): void {
    this.#finish()
    this.#collecting = what
  }

  #collect(text: string): void {
    if (this.#collecting === undefined) return
    if (this.#collecting !== 'json-ld' && this.#besides > 0) return
    const limit = this.#collecting === 'json-ld' ? MAX_JSON_LD : MAX_TITLE
    if (this.#collected.length <= limit) this.#collected += text.slice(0, limit + 1)
  }

  #finish(): void {
    const text = this.#collected
    switch (this.#collecting) {
      case 'title':
        this.#title = text
        break
      case 'json-ld':
        if (text.length <= MAX_JSON_LD) this.#jsonLd.push(jsonLdFacts(text))
        break
      case undefined:
        break
      case 'paragraph':
        if (text.trim() !== '') this.#text += `${text.trim()} `
    }
    this.#collecting = undefined
    this.#collected = ''
  }

  #readMeta({ property, name, content }: Readonly<Record<string, string>>): void {
    const key = (property ?? name)?.trim().toLowerCase()
    if (key === undefined || key === '' || key.length > 100 || !content?.trim()) return
    if (!this.#meta.has(key) && this.#meta.size < MAX_META) this.#meta.set(key, content.slice(0, MAX_VALUE))
  }

  #readLink({ rel = '', type = '', href }: Readonly<Record<string, string>>): void {
    if (href === undefined || href.length > MAX_VALUE) return
    const relations = rel.toLowerCase().split(/\s+/, 10)
    if (relations.includes('image_src')) this.#image ??= href
    if (relations.includes('alternate') && type.toLowerCase() === 'application/json+oembed') this.#oEmbed ??= href
  }
}

function isPicture({ src, width, height }: Readonly<Record<string, string>>): boolean {
  if (src === undefined || src === '' || src.length > MAX_VALUE || /^\s*data:/i.test(src)) return false
  return !(Number.parseInt(width ?? '', 10) < MIN_IMAGE_SIZE || Number.parseInt(height ?? '', 10) < MIN_IMAGE_SIZE)
}
