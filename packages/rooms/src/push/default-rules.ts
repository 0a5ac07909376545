import type { PushAction, PushCondition, PushRule } from './push-rule.ts'

/** Stands in default rules for the id of the user whose rules they are. */
export const ownUserId = '\0own-user-id'

const defaultSound: PushAction = { set_tweak: 'sound', value: 'default' }
const highlight: PushAction = { set_tweak: 'highlight' }

function rule(id: string, actions: readonly PushAction[], ...conditions: PushCondition[]): PushRule {
  return { rule_id: id, default: true, enabled: true, conditions, actions }
}

function matches(key: string, pattern: string): PushCondition {
  return { kind: 'event_match', key, pattern }
}

const memberCountIsTwo: PushCondition = { kind: 'room_member_count', is: '2' }

/** The rule that comes before all others, even the user's. */
export const masterRule: PushRule = { ...rule('.m.rule.master', []), enabled: false }

/** {@link https://spec.matrix.org/v1.19/client-server-api/#default-override-rules} */
export const defaultOverrideRules: readonly PushRule[] = [
  rule('.m.rule.suppress_notices', [], matches('content.msgtype', 'm.notice')),
  rule(
    '.m.rule.invite_for_me',
    ['notify', defaultSound],
    matches('type', 'm.room.member'),
    matches('content.membership', 'invite'),
    matches('state_key', ownUserId),
  ),
  rule('.m.rule.member_event', [], matches('type', 'm.room.member')),
  rule('.m.rule.is_user_mention', ['notify', defaultSound, highlight], {
    kind: 'event_property_contains',
    key: 'content.m\\.mentions.user_ids',
    value: ownUserId,
  }),
  rule(
    '.m.rule.is_room_mention',
    ['notify', highlight],
    { kind: 'event_property_is', key: 'content.m\\.mentions.room', value: true },
    { kind: 'sender_notification_permission', key: 'room' },
  ),
  rule('.m.rule.tombstone', ['notify', highlight], matches('type', 'm.room.tombstone'), matches('state_key', '')),
  rule('.m.rule.reaction', [], matches('type', 'm.reaction')),
  rule('.m.rule.room.server_acl', [], matches('type', 'm.room.server_acl'), matches('state_key', '')),
  rule('.m.rule.suppress_edits', [], {
    kind: 'event_property_is',
    key: 'content.m\\.relates_to.rel_type',
    value: 'm.replace',
  }),
]

/** {@link https://spec.matrix.org/v1.19/client-server-api/#default-underride-rules} */
export const defaultUnderrideRules: readonly PushRule[] = [
  rule('.m.rule.call', ['notify', { set_tweak: 'sound', value: 'ring' }], matches('type', 'm.call.invite')),
  rule(
    '.m.rule.encrypted_room_one_to_one',
    ['notify', defaultSound],
    memberCountIsTwo,
    matches('type', 'm.room.encrypted'),
  ),
  rule('.m.rule.room_one_to_one', ['notify', defaultSound], memberCountIsTwo, matches('type', 'm.room.message')),
  rule('.m.rule.message', ['notify'], matches('type', 'm.room.message')),
  rule('.m.rule.encrypted', ['notify'], matches('type', 'm.room.encrypted')),
]
