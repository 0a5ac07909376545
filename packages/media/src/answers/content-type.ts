/** What says nothing of the content. */
export const ANY_BYTES = 'application/octet-stream'

// RFC 9110, section 8.3.1. Parameters are taken as they are, as long as they can stand in a header.
const pattern = /^[\w!#$%&'*+.^`|~-]+\/[\w!#$%&'*+.^`|~-]+[ \t]*(;[\x20-\x7e\t]*)?$/
const MAX_LENGTH = 255

/** A content type that somebody has named, or the one that says nothing when it is none. */
export function contentTypeOf(named: string | undefined): string {
  const type = named?.trim() ?? ''
  return type.length <= MAX_LENGTH && pattern.test(type) ? type : ANY_BYTES
}

/** Types that a browser may show beside the pages of whoever serves them: none of them can run scripts. */
const inlineTypes: ReadonlySet<string> = new Set([
  'text/css',
  'text/plain',
  'text/csv',
  'application/json',
  'application/ld+json',
  'image/jpeg',
  'image/gif',
  'image/png',
  'image/apng',
  'image/webp',
  'image/avif',
  'video/mp4',
  'video/webm',
  'video/ogg',
  'video/quicktime',
  'audio/mp4',
  'audio/webm',
  'audio/aac',
  'audio/mpeg',
  'audio/ogg',
  'audio/wave',
  'audio/wav',
  'audio/x-wav',
  'audio/x-pn-wav',
  'audio/flac',
  'audio/x-flac',
])

/**
 * Whether a file of a type may be shown rather than saved.
 * {@link https://spec.matrix.org/v1.19/client-server-api/#serving-inline-content}
 */
export function isInline(contentType: string): boolean {
  return inlineTypes.has(contentType.split(';', 1)[0]!.trim().toLowerCase())
}
