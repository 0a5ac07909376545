import { invalidParam } from '@hearth/protocol'

/**
 * Decodes a path segment or a part of a query.
 * @throws MatrixError 400 when it is not percent-encoded UTF-8, or holds a NUL, which no identifier or text has and
 *   PostgreSQL refuses.
 */
export function decodePercent(encoded: string, name: string): string {
  if (!encoded.includes('%')) return encoded
  let decoded
  try {
    decoded = decodeURIComponent(encoded)
  } catch {
    throw invalidParam(`${name} is not percent-encoded UTF-8`)
  }
  if (decoded.includes('\0')) throw invalidParam(`${name} holds a NUL`)
  return decoded
}
