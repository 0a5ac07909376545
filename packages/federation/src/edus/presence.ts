import type { HeardPresence } from '@hearth/core'
import { isUserId, s, serverOf, type ServerName } from '@hearth/protocol'
import { edu } from './edu.ts'

const update = s.object({
  user_id: s.string,
  presence: s.literal('offline', 'unavailable', 'online'),
  status_msg: s.optional(s.unknown),
  last_active_ago: s.optional(s.unknown),
  currently_active: s.optional(s.unknown),
})
type Update = { user_id: string; presence: 'offline' | 'unavailable' | 'online' } & Record<string, unknown>

/**
 * Who of another server is there.
 * {@link https://spec.matrix.org/v1.19/server-server-api/#presence}
 */
export const presence = edu({
  type: 'm.presence',
  content: s.object({ push: s.array(update) }),
  async receive({ remotePresence }, { origin, content: { push } }) {
    await remotePresence.receive(
      origin,
      push.flatMap((each) => heardFrom(origin, each) ?? []),
    )
  },
})

function heardFrom(origin: ServerName, update: Update): HeardPresence | undefined {
  const { user_id: userId, presence: state, status_msg: message, last_active_ago: ago } = update
  if (!isUserId(userId) || serverOf(userId) !== origin) return undefined
  const isActive = update['currently_active'] === true
  return {
    userId,
    state,
    ...(typeof message === 'string' && message !== '' && { statusMsg: message }),
    ...(typeof ago === 'number' && ago >= 0 ? { activeAgoMs: ago } : isActive && { activeAgoMs: 0 }),
  }
}
