type QueryValue = string | number | boolean | readonly string[] | undefined

/** A path whose variable parts are percent-encoded: each stays one segment. */
export function path(literals: TemplateStringsArray, ...segments: readonly string[]): string {
  return literals.reduce((text, literal, index) => text + encodeURIComponent(segments[index - 1]!) + literal)
}

/** A path with a query. Absent values are left out; a list repeats its key. */
export function withQuery(path: string, query: Readonly<Record<string, QueryValue>>): string {
  const pairs = Object.entries(query).flatMap(([key, value]) => {
    if (value === undefined) return []
    const values = typeof value === 'object' ? value : [String(value)]
    return values.map((item) => `${encodeURIComponent(key)}=${encodeURIComponent(item)}`)
  })
  return pairs.length === 0 ? path : `${path}?${pairs.join('&')}`
}
