import type { RoomEvent } from '../events/pdu.ts'
import type { AuthRuleName, RoomVersion } from '../room-versions.ts'
import type { AuthRule } from './auth-check.ts'
import {
  aliasesRule,
  authEventsRule,
  federateRule,
  redactionRule,
  requiredLevelRule,
  roomIdRule,
  senderJoinedRule,
  stateKeyOwnerRule,
  thirdPartyInviteRule,
} from './auth-rules.ts'
import { createRule } from './create.ts'
import { memberRule } from './member.ts'
import { powerLevelsRule } from './power-levels.ts'
import { RoomStateView, type StateLookup } from './room-state-view.ts'
import { allow, firstVerdict, type Verdict } from './verdict.ts'

const rules: Readonly<Record<AuthRuleName, AuthRule>> = {
  create: createRule,
  'room-id': roomIdRule,
  'auth-events': authEventsRule,
  federate: federateRule,
  aliases: aliasesRule,
  member: memberRule,
  'sender-joined': senderJoinedRule,
  'third-party-invite': thirdPartyInviteRule,
  'required-level': requiredLevelRule,
  'state-key-owner': stateKeyOwnerRule,
  'power-levels': powerLevelsRule,
  redaction: redactionRule,
}

/**
 * Decides whether the authorization rules of the room version allow an event in a state of its room. The event's format
 * and signatures (`requiredSigners`) have been checked before; its own auth events are for `checkAuthEventsOf`.
 *
 * The state must hold what `authTypesFor` names, and the create event, for room version 12 too.
 * {@link https://spec.matrix.org/v1.19/server-server-api/#authorization-rules}
 */
export function authorize(version: RoomVersion, event: RoomEvent, state: StateLookup): Verdict {
  const check = { event, pdu: event.pdu, room: new RoomStateView({ version, state }) }
  // Otherwise, allow.
  return firstVerdict(version.authRules.event, rules, check) ?? allow
}
