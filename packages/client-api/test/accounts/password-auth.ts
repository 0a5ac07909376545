import type { JsonObject } from '@hearth/protocol'

/** The `auth` of a request that somebody proves with their password. */
export function passwordAuth(user: string, password: string, session?: unknown): JsonObject {
  return {
    type: 'm.login.password',
    identifier: { type: 'm.id.user', user },
    password,
    ...(session !== undefined && { session: session as string }),
  }
}
