/** Where an endpoint of the authenticated content repository is served. */
export function authed(path: string): string {
  return `/_matrix/client/v1/media${path}`
}

/**
 * Where an endpoint is served that was there before access was authenticated. The names that `v3` had before version 1.1 of
 * the specification, `r0` and `v1`, are aliases of the transport.
 */
export function legacy(path: string): string {
  return `/_matrix/media/v3${path}`
}
