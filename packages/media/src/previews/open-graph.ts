import type { OEmbedFacts } from './oembed.ts'
import type { PageFacts } from './page-facts.ts'

/** A preview as clients get it: OpenGraph properties. {@link https://ogp.me/} */
export type OpenGraph = Readonly<Record<string, string | number>>

const MAX_PROPERTIES = 40
const MAX_TEXT = 1_000
const MAX_DESCRIPTION = 500

/** Properties whose value is an address, which clients may turn into a link. */
const addresses = /^og:(url|see_also|(video|audio)(:(url|secure_url|stream))?)$/

/** What a page says of itself, in the order in which its ways to say it are believed: OpenGraph, cards, data, the page. */
export function openGraphOf(page: PageFacts, at: URL, oEmbed: OEmbedFacts = {}): OpenGraph {
  const { meta, jsonLd } = page
  const preview: Record<string, string> = {}
  for (const [name, value] of meta) {
    if (Object.keys(preview).length === MAX_PROPERTIES) break
    // Images are those that this server has; what the page says of its own is not true of them.
    if (!/^og:[a-z_:]+$/.test(name) || (name.startsWith('og:image') && name !== 'og:image:alt')) continue
    const clean = addresses.test(name) ? webAddress(value, at)?.href : cleanText(value, MAX_TEXT)
    if (clean) preview[name] = clean
  }
  const title = firstText(preview['og:title'], meta.get('twitter:title'), jsonLd.title, oEmbed.title, page.title)
  if (title) preview['og:title'] = title
  const description = firstText(
    ...[preview['og:description'], meta.get('twitter:description'), jsonLd.description, meta.get('description')],
    shortened(cleanText(page.text, MAX_TEXT)),
  )
  if (description) preview['og:description'] = description
  const site = firstText(preview['og:site_name'], meta.get('application-name'), oEmbed.site)
  if (site) preview['og:site_name'] = site
  return preview
}

/** Where a page's picture is, the likeliest first; each once. */
export function imagesOf(page: PageFacts, at: URL, oEmbed: OEmbedFacts = {}): readonly URL[] {
  const { meta, jsonLd } = page
  const base = webAddress(page.base ?? '', at) ?? at
  const named = [
    ...['og:image:secure_url', 'og:image', 'og:image:url', 'twitter:image', 'twitter:image:src'].map((key) =>
      meta.get(key),
    ),
    ...[jsonLd.image, oEmbed.image, page.image],
  ]
  const found = new Map<string, URL>()
  for (const name of named) {
    const url = name === undefined ? undefined : webAddress(name, base)
    if (url !== undefined) found.set(url.href, url)
  }
  return [...found.values()]
}

/** An address of the web, from where it stands; undefined when it is none, such as a script. */
export function webAddress(text: string, base: URL): URL | undefined {
  const url = text.trim() === '' ? null : URL.parse(text.trim(), base.href)
  return url !== null && ['http:', 'https:'].includes(url.protocol) ? url : undefined
}

/** Text on one line, without control characters and what is no text, of at most so many UTF-16 units. */
export function cleanText(text: string, maxLength: number): string {
  const line = text
    .slice(0, 4 * maxLength)
    // eslint-disable-next-line no-control-regex -- they are what is taken out
    .replace(/[\s\u0000-\u001f\u007f-\u009f]+/g, ' ')
    .trim()
  return line.slice(0, maxLength).toWellFormed()
}

function firstText(...texts: readonly (string | undefined)[]): string | undefined {
  for (const text of texts) {
    const clean = text === undefined ? '' : cleanText(text, MAX_TEXT)
    if (clean !== '') return clean
  }
  return undefined
}

/** As much of a text as a description needs, ending with a word. */
function shortened(text: string): string {
  if (text.length <= MAX_DESCRIPTION) return text
  const end = text.lastIndexOf(' ', MAX_DESCRIPTION)
  return `${text.slice(0, end > 0 ? end : MAX_DESCRIPTION).toWellFormed()}…`
}
