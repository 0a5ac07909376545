import type { GivenTokens } from '@hearth/core'
import { s } from '@hearth/protocol'

/** The schema of the tokens in an answer that may have them. */
export const optionalTokenFields = {
  access_token: s.optional(s.string),
  refresh_token: s.optional(s.string),
  expires_in_ms: s.optional(s.integer),
} as const

/** Tokens as answers have them. {@link https://spec.matrix.org/v1.19/client-server-api/#refreshing-access-tokens} */
export function tokenFields({ accessToken, renewal }: GivenTokens) {
  return {
    access_token: accessToken,
    ...(renewal && { refresh_token: renewal.refreshToken, expires_in_ms: renewal.expiresInMs }),
  }
}
