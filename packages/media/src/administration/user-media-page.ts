import { s } from '@hearth/protocol'
import { mediaOrders, type MediaOrder } from '@hearth/store'
import type { MediaPage } from './media-administration.ts'

const MAX_PAGE = 1_000

/** Which of a user's files. */
export const pageQuery = {
  from: s.optional(s.refine(s.integer, { minimum: 0 })),
  limit: s.optional(s.refine(s.integer, { minimum: 1 })),
  order_by: s.optional(s.literal(...mediaOrders)),
  dir: s.optional(s.literal('f', 'b')),
}

/** Unless it says otherwise, the newest hundred. */
export function pageOf(query: {
  readonly from?: number
  readonly limit?: number
  readonly order_by?: MediaOrder
  readonly dir?: 'f' | 'b'
}): MediaPage {
  const { from = 0, limit = 100, order_by: orderBy = 'created_ts', dir } = query
  const descending = dir === undefined ? query.order_by === undefined : dir === 'b'
  return { orderBy, descending, offset: from, limit: Math.min(limit, MAX_PAGE) }
}
