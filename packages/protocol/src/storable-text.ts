/**
 * Whether a text can be kept in a column: PostgreSQL's `text` takes neither U+0000 nor what has no UTF-8. Texts inside a
 * stored JSON are escaped there and need no such check; event types, state keys and other texts that are columns do.
 */
export function isStorableText(text: string): boolean {
  return !text.includes('\0') && text.isWellFormed()
}
