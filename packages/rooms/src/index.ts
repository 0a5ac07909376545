export {
  defaultRoomVersion,
  findRoomVersion,
  roomVersions,
  type AuthRuleName,
  type AuthRules,
  type CreateRuleName,
  type JoinRules,
  type KeptKey,
  type MemberRuleName,
  type PowerLevelRuleName,
  type RedactionRules,
  type RoomVersion,
  type RoomVersionId,
} from './room-versions.ts'
export {
  authEventIds,
  prevEventIds,
  referencedId,
  type ContentHashes,
  type EventDraft,
  type EventReference,
  type EventSignatures,
  type Pdu,
  type ReferenceHashes,
  type RoomEvent,
} from './events/pdu.ts'
export { addSignature, buildEvent, type BuiltEvent, type EventSigner } from './events/build.ts'
export { canonicalEventJson } from './events/canonical-event-json.ts'
export { contentHash, eventId, eventIdOfHash, referenceHash, referenceTo, signedPart } from './events/event-id.ts'
export {
  checkEventSize,
  checkFieldSizes,
  checkPduFormat,
  maxAuthEvents,
  maxEventBytes,
  maxEventFieldBytes,
  maxPrevEvents,
  type FormatVerdict,
} from './events/format.ts'
export { redact, redactContent } from './events/redact.ts'
export { redactionTarget } from './events/redaction.ts'
export { relationOf, type Relation } from './events/relation.ts'
export { createEventIdOf, roomIdOf } from './events/room-id.ts'
export { checkAuthEventsOf } from './auth/auth-events.ts'
export { authTypesFor, type AuthSubject, type StateTuple } from './auth/auth-types.ts'
export { signersOfInvite, type InviteKey } from './auth/member-third-party-invite.ts'
export { authorize } from './auth/authorize.ts'
export { mayRedact } from './auth/may-redact.ts'
export { readPowerLevel } from './auth/power-level.ts'
export { levelDefaults, PowerLevels, type LevelName } from './auth/power-levels-view.ts'
export { policyKeyId, requiredSigners } from './auth/required-signers.ts'
export { creatorsOf, membershipIn, RoomStateView, type StateLookup } from './auth/room-state-view.ts'
export type { Allowed, Refusal, Verdict } from './auth/verdict.ts'
export { aclAllows } from './server-acl.ts'
export { authGraphOf, type AuthGraph, type EventHandle, type StateConflict } from './state/auth-graph.ts'
export { authDifference } from './state/auth-difference.ts'
export { conflictedSubgraph } from './state/conflicted-subgraph.ts'
export { planResolution, unconflictedNeeded, type ResolutionPlan } from './state/plan.ts'
export { type ResolutionSource } from './state/resolution-source.ts'
export { resolveLoaded, stateTupleKey, type StateMap } from './state/resolve-loaded.ts'
export { resolveState } from './state/resolve.ts'
export { type StateEntry } from './state/resolving-state.ts'
export { splitConflicted, type SplitState } from './state/split-conflicted.ts'
export { checkActions, checkPushRule, type RuleRequest } from './push/check-push-rule.ts'
export { type Recipient } from './push/compiled-condition.ts'
export { type CompiledPushRules, type PushEffect } from './push/compiled-push-rules.ts'
export { PushEvent } from './push/push-event.ts'
export {
  pushRuleKinds,
  type PushAction,
  type PushCondition,
  type PushRule,
  type PushRuleKind,
  type PushRulesByKind,
} from './push/push-rule.ts'
export { PushRuleSet, type RulePlace } from './push/push-rule-set.ts'
