import { s } from '@hearth/protocol'

/** A preview as of an earlier time, which `ts` may ask for, is never kept: the newest is given. */
export const previewQuery = { url: s.string, ts: s.optional(s.integer) }
