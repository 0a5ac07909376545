import type { JsonObject, UserId } from '@hearth/protocol'

/** How the founding API tells somebody that another asks to see their presence. */
export function presenceInvitation(observer: UserId, observed: UserId): JsonObject {
  return { type: 'm.presence_invite', content: { observer_user: observer, observed_user: observed } }
}
