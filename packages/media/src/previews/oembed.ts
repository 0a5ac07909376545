import { isJsonObject, type JsonValue } from '@hearth/protocol'

/** What a site says of one of its pages. {@link https://oembed.com/} */
export interface OEmbedFacts {
  readonly title?: string
  readonly site?: string
  readonly image?: string
}

/** Reads an oEmbed description in JSON; nothing of what is none. */
export function oEmbedFacts(text: string): OEmbedFacts {
  let value: JsonValue
  try {
    value = JSON.parse(text) as JsonValue
  } catch {
    return {}
  }
  if (!isJsonObject(value)) return {}
  const title = textOf(value['title']) ?? textOf(value['author_name'])
  const site = textOf(value['provider_name'])
  const image = textOf(value['type'] === 'photo' ? value['url'] : value['thumbnail_url'])
  return { ...(title && { title }), ...(site && { site }), ...(image && { image }) }
}

function textOf(value: JsonValue | undefined): string | undefined {
  return typeof value === 'string' && value.trim() !== '' ? value : undefined
}
