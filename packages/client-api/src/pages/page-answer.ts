import { randomBytes } from 'node:crypto'
import { RawAnswer } from '@hearth/http'
import type { PageFacts } from '@hearth/web'
import type { ServerFacts } from '../context.ts'

/**
 * Answers with a page that may load its own script and style and ask this server, and nothing else: not be framed, not
 * be reached from the page that opened it unless it `keepsOpener`, not tell other sites where it was.
 */
export function pageAnswer(
  render: (facts: PageFacts) => string,
  { serverName }: ServerFacts,
  { keepsOpener = false }: { readonly keepsOpener?: boolean } = {},
): RawAnswer {
  const nonce = randomBytes(18).toString('base64')
  const policy = [
    `default-src 'none'`,
    `script-src 'nonce-${nonce}'`,
    `style-src 'nonce-${nonce}'`,
    `img-src data:`,
    `connect-src 'self'`,
    `form-action 'self'`,
    `base-uri 'none'`,
    `frame-ancestors 'none'`,
  ]
  return new RawAnswer({
    contentType: 'text/html; charset=utf-8',
    headers: {
      'Content-Security-Policy': policy.join('; '),
      'Cross-Origin-Opener-Policy': keepsOpener ? 'unsafe-none' : 'same-origin',
      'Cache-Control': 'no-store',
      'Referrer-Policy': 'no-referrer',
      'X-Content-Type-Options': 'nosniff',
      'X-Frame-Options': 'DENY',
    },
    payload: render({ serverName, nonce }),
  })
}
