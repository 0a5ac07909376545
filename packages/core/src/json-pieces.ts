/** The items of a JSON list or object, as text, some at a time. */
export type JsonItems = AsyncIterable<readonly string[]>

/** A list or an object in pieces: what stands before its items, the items with commas between them, and what comes after. */
export async function* jsonPieces(before: string, batches: JsonItems, after: string): AsyncGenerator<string> {
  yield before
  let separator = ''
  for await (const items of batches) {
    if (items.length === 0) continue
    yield separator + items.join(',')
    separator = ','
  }
  yield after
}
