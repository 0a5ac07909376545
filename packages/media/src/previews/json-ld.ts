import { isJsonObject, type JsonValue } from '@hearth/protocol'

/** What structured data says of a page. {@link https://schema.org/CreativeWork} */
export interface JsonLdFacts {
  readonly title?: string
  readonly description?: string
  readonly image?: string
}

const MAX_THINGS = 50

/** Reads a block of JSON-LD, of which only the plainest forms are understood; nothing of what is no JSON. */
export function jsonLdFacts(text: string): JsonLdFacts {
  let value: JsonValue
  try {
    value = JSON.parse(text) as JsonValue
  } catch {
    return {}
  }
  const graph = isJsonObject(value) ? (value['@graph'] ?? value) : value
  const things = (Array.isArray(graph) ? graph.slice(0, MAX_THINGS) : [graph]).filter(isJsonObject)
  const thing = things.find((one) => 'headline' in one) ?? things.find((one) => 'name' in one)
  if (thing === undefined) return {}
  const title = textOf(thing['headline']) ?? textOf(thing['name'])
  const description = textOf(thing['description'])
  const image = urlOf(thing['image'])
  return { ...(title && { title }), ...(description && { description }), ...(image && { image }) }
}

function textOf(value: JsonValue | undefined): string | undefined {
  return typeof value === 'string' && value.trim() !== '' ? value : undefined
}

/** A URL, the `url` of an object, or the first of a list of these. */
function urlOf(value: JsonValue | undefined): string | undefined {
  const first = Array.isArray(value) ? value[0] : value
  return textOf(isJsonObject(first) ? first['url'] : first)
}
