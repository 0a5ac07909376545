import { isJsonObject } from '@hearth/protocol'
import type { EventDraft } from '../events/pdu.ts'
import type { RoomVersion } from '../room-versions.ts'

/** The type and state key of an event of the room's state. */
export type StateTuple = readonly [type: string, stateKey: string]

/** The part of an event on which the selection of its auth events depends. */
export type AuthSubject = Pick<EventDraft, 'type' | 'sender' | 'state_key' | 'content'>

/**
 * The state events that authorize an event and belong into its `auth_events`, where the room has them. No tuple comes
 * twice.
 * {@link https://spec.matrix.org/v1.19/server-server-api/#auth-events-selection}
 */
export function authTypesFor(version: RoomVersion, subject: AuthSubject): StateTuple[] {
  if (subject.type === 'm.room.create') return []
  const types: StateTuple[] = [
    ['m.room.power_levels', ''],
    ['m.room.member', subject.sender],
  ]
  // Since v12 the room id stands for the create event.
  if (version.createIsAuthEvent) types.unshift(['m.room.create', ''])
  if (subject.type === 'm.room.member') types.push(...authTypesOfMember(version, subject))
  return types
}

function authTypesOfMember(version: RoomVersion, { sender, state_key: target, content }: AuthSubject): StateTuple[] {
  const { membership } = content
  const types: StateTuple[] = []
  const members = new Set([sender])
  function addMember(userId: string): void {
    if (!members.has(userId)) types.push(['m.room.member', userId])
    members.add(userId)
  }

  if (target !== undefined) addMember(target)
  if (membership === 'join' || membership === 'invite' || membership === 'knock') types.push(['m.room.join_rules', ''])
  if (membership === 'invite') {
    const token = thirdPartyInviteToken(content['third_party_invite'])
    if (token !== undefined) types.push(['m.room.third_party_invite', token])
  }
  const authorisingUser = content['join_authorised_via_users_server']
  if (membership === 'join' && version.joinRules.byAuthorisation.length > 0 && typeof authorisingUser === 'string') {
    addMember(authorisingUser)
  }
  return types
}

function thirdPartyInviteToken(invite: unknown): string | undefined {
  const signed = isJsonObject(invite) ? invite['signed'] : undefined
  const token = isJsonObject(signed) ? signed['token'] : undefined
  return typeof token === 'string' ? token : undefined
}
