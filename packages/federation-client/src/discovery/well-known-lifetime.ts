import type { IncomingHttpHeaders } from 'node:http'

const MINUTE_MS = 60_000
const HOUR_MS = 60 * MINUTE_MS

const DEFAULT_MS = 24 * HOUR_MS
const MIN_MS = 5 * MINUTE_MS
const MAX_MS = 48 * HOUR_MS

/** For how many milliseconds the answer of a well-known file is remembered: what its headers say, within bounds. */
export function wellKnownLifetime(headers: IncomingHttpHeaders, nowMs: number): number {
  const asked = fromCacheControl(headers['cache-control']) ?? fromExpires(headers, nowMs) ?? DEFAULT_MS
  return Math.min(Math.max(asked, MIN_MS), MAX_MS)
}

function fromCacheControl(header: string | undefined): number | undefined {
  if (header === undefined) return undefined
  const directives = header.split(',').map((directive) => directive.trim().toLowerCase())
  if (directives.some((directive) => directive === 'no-store' || directive === 'no-cache')) return 0
  const maxAge = directives.map((directive) => /^max-age="?([0-9]{1,15})"?$/.exec(directive)?.[1]).find(Boolean)
  return maxAge === undefined ? undefined : Number(maxAge) * 1000
}

function fromExpires({ expires, date }: IncomingHttpHeaders, nowMs: number): number | undefined {
  if (expires === undefined) return undefined
  const end = Date.parse(expires)
  // A value that is no date, such as 0, says that it has expired already (RFC 9111, section 5.3).
  if (Number.isNaN(end)) return 0
  const answeredAt = Date.parse(date ?? '')
  return end - (Number.isNaN(answeredAt) ? nowMs : answeredAt)
}
