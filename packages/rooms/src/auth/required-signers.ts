import type { RoomEvent } from '../events/pdu.ts'
import type { RoomVersion } from '../room-versions.ts'
import { domainOf } from './domain.ts'

/**
 * The servers whose valid signature an event must bear: the sender's, in room versions 1 and 2 that of the event id,
 * and since 8 that of the user who authorises a restricted join (rule 4.2, in room version 12 rule 5.2).
 * An invite that redeems a third-party invite need not be signed by the sender's server.
 * {@link https://spec.matrix.org/v1.19/server-server-api/#validating-hashes-and-signatures-on-received-events}
 */
export function requiredSigners(version: RoomVersion, event: RoomEvent): string[] {
  const { type, sender, content } = event.pdu
  const isMember = type === 'm.room.member'
  const isThirdPartyInvite =
    isMember && content['membership'] === 'invite' && content['third_party_invite'] !== undefined

  const signers = new Set<string>()
  if (!isThirdPartyInvite) signers.add(domainOf(sender))
  if (version.eventIds === 'assigned') signers.add(domainOf(event.eventId))
  const authorisingUser = content['join_authorised_via_users_server']
  if (isMember && version.authRules.member.includes('authorising-user') && typeof authorisingUser === 'string') {
    signers.add(domainOf(authorisingUser))
  }
  return [...signers]
}

/**
 * The id of the key that policy servers sign with. It says that an event is wanted, not whose it is.
 * {@link https://spec.matrix.org/v1.19/server-server-api/#validating-policy-server-signatures}
 */
export const policyKeyId = 'ed25519:policy_server'
