import { contentDisposition } from './content-disposition.ts'
import { isInline } from './content-type.ts'

/** What keeps a file from doing anything in the name of whoever serves it, should a browser open it as a page. */
const CONTENT_SECURITY_POLICY =
  "sandbox; default-src 'none'; script-src 'none'; plugin-types application/pdf; style-src 'unsafe-inline'; object-src 'self';"

/** A quarantined file is not to be seen in caches for long. */
const MAX_AGE_S = 24 * 60 * 60

/**
 * The headers of a file or a thumbnail, whoever gets it. `shared`: whether caches of several users may keep it.
 * {@link https://spec.matrix.org/v1.19/client-server-api/#content-repository}
 */
export function mediaHeaders(file: {
  readonly contentType: string
  readonly name: string | undefined
  readonly shared: boolean
}): Record<string, string> {
  return {
    'Content-Disposition': contentDisposition(isInline(file.contentType) ? 'inline' : 'attachment', file.name),
    'Content-Security-Policy': CONTENT_SECURITY_POLICY,
    'Cross-Origin-Resource-Policy': 'cross-origin',
    'Referrer-Policy': 'no-referrer',
    'Cache-Control': `${file.shared ? 'public' : 'private'}, max-age=${MAX_AGE_S}`,
  }
}
