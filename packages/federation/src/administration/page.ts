import { s } from '@hearth/protocol'

const maxPage = 1_000

/** Which part of a list. */
export const pageQuery = {
  from: s.optional(s.refine(s.integer, { minimum: 0 })),
  limit: s.optional(s.refine(s.integer, { minimum: 1 })),
  dir: s.optional(s.literal('f', 'b')),
}

/** The first hundred, unless it says otherwise. */
export function pageOf({
  from = 0,
  limit = 100,
  dir = 'f',
}: {
  readonly from?: number
  readonly limit?: number
  readonly dir?: 'f' | 'b'
}) {
  return { offset: from, limit: Math.min(limit, maxPage), descending: dir === 'b' }
}

/** Where the next page begins, if there is one. */
export function nextToken(
  { offset }: { readonly offset: number },
  found: number,
  total: number,
): { next_token?: string } {
  const end = offset + found
  return end < total && found > 0 ? { next_token: `${end}` } : {}
}
