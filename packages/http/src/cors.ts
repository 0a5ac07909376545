/**
 * What lets a web client of any origin talk to us. Credentials are never allowed: tokens are sent by scripts, not cookies.
 * {@link https://spec.matrix.org/v1.19/client-server-api/#web-browser-clients}
 */
export const corsHeaders: readonly string[] = [
  'Access-Control-Allow-Origin',
  '*',
  'Access-Control-Allow-Methods',
  'GET, POST, PUT, DELETE, OPTIONS',
  'Access-Control-Allow-Headers',
  'X-Requested-With, Content-Type, Authorization',
  'Access-Control-Expose-Headers',
  'X-Request-Id, Retry-After',
]

/** How long a browser may remember the answer to a preflight request. */
export const preflightHeaders: readonly string[] = [...corsHeaders, 'Access-Control-Max-Age', '86400']
