import type { OpenedSession } from '@hearth/core'
import type { UserId } from '@hearth/protocol'
import type { ServerFacts } from '../context.ts'

/** The founding API's answer to whoever is let in. Later clients of it know devices too. */
export function credentials(
  { userId, session }: { readonly userId: UserId; readonly session: OpenedSession | undefined },
  { serverName }: ServerFacts,
): Record<string, string> {
  return {
    user_id: userId,
    home_server: serverName,
    ...(session && { access_token: session.accessToken, device_id: session.deviceId }),
  }
}
