/**
 * Room versions as data: each is the previous one, except for what its page of the specification changes.
 * Code asks for a property and never compares version numbers.
 * {@link https://spec.matrix.org/v1.19/rooms/}
 */

/** A room version that Hearth can create and take part in. */
export type RoomVersionId = '1' | '2' | '3' | '4' | '5' | '6' | '7' | '8' | '9' | '10' | '11' | '12'

/** The top-level authorization rules. A rule's number is its place in the version's list. */
export type AuthRuleName =
  | 'create'
  | 'room-id'
  | 'auth-events'
  | 'federate'
  | 'aliases'
  | 'member'
  | 'sender-joined'
  | 'third-party-invite'
  | 'required-level'
  | 'state-key-owner'
  | 'power-levels'
  | 'redaction'

/** The parts of the rule for `m.room.create`. */
export type CreateRuleName =
  | 'no-previous-events'
  | 'room-id-of-sender-domain'
  | 'no-room-id'
  | 'known-version'
  | 'has-creator'
  | 'additional-creators'

/** The parts of the rule for `m.room.member`. */
export type MemberRuleName = 'shape' | 'authorising-user' | 'join' | 'invite' | 'leave' | 'ban' | 'knock'

/** The parts of the rule for `m.room.power_levels`. */
export type PowerLevelRuleName =
  | 'integer-levels'
  | 'integer-maps'
  | 'users'
  | 'no-creators'
  | 'first-power-levels'
  | 'levels'
  | 'map-entries-changed'
  | 'map-entries-added'
  | 'users-changed'
  | 'users-added'

/** The ordered rules, each list numbered from 1. */
export interface AuthRules {
  readonly event: readonly AuthRuleName[]
  readonly create: readonly CreateRuleName[]
  readonly member: readonly MemberRuleName[]
  readonly powerLevels: readonly PowerLevelRuleName[]
}

/** Which join rules let a user in, and how. */
export interface JoinRules {
  /** An invited user may join, nobody else. */
  readonly byInvitation: readonly string[]
  /** As above, and whoever a member with the invite level vouches for. */
  readonly byAuthorisation: readonly string[]
  /** A user may ask to be let in. */
  readonly knockable: readonly string[]
}

/** A key that survives in `content`, or a key of an object in `content`. */
export type KeptKey = string | readonly [string, string]

/** What redaction leaves of an event. */
export interface RedactionRules {
  readonly topLevel: readonly string[]
  /** By event type; `'all'` keeps the whole content. A type that is not named keeps nothing. */
  readonly content: Readonly<Record<string, readonly KeptKey[] | 'all'>>
}

/** Everything in which room versions differ. */
export interface RoomVersion {
  readonly id: RoomVersionId
  readonly stable: boolean
  /** What `prev_events` and `auth_events` hold: event ids, or pairs of an event id and its reference hash. */
  readonly references: 'id-and-hash' | 'id'
  /** Where an event's id comes from: `event_id`, or its reference hash in one of the base64 alphabets. */
  readonly eventIds: 'assigned' | 'hash' | 'url-safe-hash'
  /** Whether the creating server picks the room id, or the create event's hash is it. */
  readonly roomIds: 'assigned' | 'create-event'
  /** Whether an event that is not canonical JSON is refused. */
  readonly strictCanonicalJson: boolean
  /** Whether a signing key must have been valid at the event's `origin_server_ts`. */
  readonly enforcesKeyValidity: boolean
  /** Where `m.room.redaction` names its target. */
  readonly redactsIn: 'event' | 'content'
  /** Whose domain lets a server redact what its own users sent without the redact level. */
  readonly redactionDomain: 'event-id' | 'sender'
  readonly redaction: RedactionRules
  readonly stateResolution: 'v1' | 'v2' | 'v2.1'
  /** Who created the room: `content.creator`, the create event's sender, or that and `additional_creators`. */
  readonly creators: 'content' | 'sender' | 'sender-and-additional'
  /** Whether creators stand above every power level. */
  readonly creatorsHaveInfinitePower: boolean
  /** Whether power levels must be integers; before, strings and floats are read as integers. */
  readonly integerPowerLevels: boolean
  /** The maps of `m.room.power_levels`, apart from `users`, whose entries may not exceed the sender's level. */
  readonly levelMaps: readonly ('events' | 'notifications')[]
  /** Whether the create event is among the auth events of every other event. */
  readonly createIsAuthEvent: boolean
  readonly joinRules: JoinRules
  readonly authRules: AuthRules
}

const v1: RoomVersion = {
  id: '1',
  stable: true,
  references: 'id-and-hash',
  eventIds: 'assigned',
  roomIds: 'assigned',
  strictCanonicalJson: false,
  enforcesKeyValidity: false,
  redactsIn: 'event',
  redactionDomain: 'event-id',
  redaction: {
    topLevel: [
      'event_id',
      'type',
      'room_id',
      'sender',
      'state_key',
      'content',
      'hashes',
      'signatures',
      'depth',
      'prev_events',
      'prev_state',
      'auth_events',
      'origin',
      'origin_server_ts',
      'membership',
    ],
    content: {
      'm.room.member': ['membership'],
      'm.room.create': ['creator'],
      'm.room.join_rules': ['join_rule'],
      'm.room.power_levels': [
        'ban',
        'events',
        'events_default',
        'kick',
        'redact',
        'state_default',
        'users',
        'users_default',
      ],
      'm.room.aliases': ['aliases'],
      'm.room.history_visibility': ['history_visibility'],
    },
  },
  stateResolution: 'v1',
  creators: 'content',
  creatorsHaveInfinitePower: false,
  integerPowerLevels: false,
  levelMaps: ['events'],
  createIsAuthEvent: true,
  joinRules: { byInvitation: ['invite'], byAuthorisation: [], knockable: [] },
  authRules: {
    event: [
      'create',
      'auth-events',
      'federate',
      'aliases',
      'member',
      'sender-joined',
      'third-party-invite',
      'required-level',
      'state-key-owner',
      'power-levels',
      'redaction',
    ],
    create: ['no-previous-events', 'room-id-of-sender-domain', 'known-version', 'has-creator'],
    member: ['shape', 'join', 'invite', 'leave', 'ban'],
    powerLevels: [
      'users',
      'first-power-levels',
      'levels',
      'map-entries-changed',
      'map-entries-added',
      'users-changed',
      'users-added',
    ],
  },
}

const v2: RoomVersion = { ...v1, id: '2', stateResolution: 'v2' }

const v3: RoomVersion = {
  ...v2,
  id: '3',
  references: 'id',
  eventIds: 'hash',
  redactionDomain: 'sender',
  authRules: { ...v2.authRules, event: without(v2.authRules.event, 'redaction') },
}

const v4: RoomVersion = { ...v3, id: '4', eventIds: 'url-safe-hash' }

const v5: RoomVersion = { ...v4, id: '5', enforcesKeyValidity: true }

const v6: RoomVersion = {
  ...v5,
  id: '6',
  strictCanonicalJson: true,
  redaction: { ...v5.redaction, content: withoutKey(v5.redaction.content, 'm.room.aliases') },
  levelMaps: ['events', 'notifications'],
  authRules: { ...v5.authRules, event: without(v5.authRules.event, 'aliases') },
}

const v7: RoomVersion = {
  ...v6,
  id: '7',
  joinRules: { ...v6.joinRules, byInvitation: ['invite', 'knock'], knockable: ['knock'] },
  authRules: { ...v6.authRules, member: [...v6.authRules.member, 'knock'] },
}

const v8: RoomVersion = {
  ...v7,
  id: '8',
  redaction: withContent(v7.redaction, { 'm.room.join_rules': ['join_rule', 'allow'] }),
  joinRules: { ...v7.joinRules, byAuthorisation: ['restricted'] },
  authRules: { ...v7.authRules, member: inserted(v7.authRules.member, 'authorising-user', 'join') },
}

const v9: RoomVersion = {
  ...v8,
  id: '9',
  redaction: withContent(v8.redaction, { 'm.room.member': ['membership', 'join_authorised_via_users_server'] }),
}

const v10: RoomVersion = {
  ...v9,
  id: '10',
  integerPowerLevels: true,
  joinRules: {
    ...v9.joinRules,
    byAuthorisation: ['restricted', 'knock_restricted'],
    knockable: ['knock', 'knock_restricted'],
  },
  authRules: { ...v9.authRules, powerLevels: ['integer-levels', 'integer-maps', ...v9.authRules.powerLevels] },
}

const v11: RoomVersion = {
  ...v10,
  id: '11',
  redactsIn: 'content',
  redaction: {
    topLevel: without(v10.redaction.topLevel, 'prev_state', 'origin', 'membership'),
    content: {
      ...v10.redaction.content,
      'm.room.member': ['membership', 'join_authorised_via_users_server', ['third_party_invite', 'signed']],
      'm.room.create': 'all',
      'm.room.power_levels': [
        'ban',
        'events',
        'events_default',
        'invite',
        'kick',
        'redact',
        'state_default',
        'users',
        'users_default',
      ],
      'm.room.redaction': ['redacts'],
    },
  },
  creators: 'sender',
  authRules: { ...v10.authRules, create: without(v10.authRules.create, 'has-creator') },
}

const v12: RoomVersion = {
  ...v11,
  id: '12',
  roomIds: 'create-event',
  stateResolution: 'v2.1',
  creators: 'sender-and-additional',
  creatorsHaveInfinitePower: true,
  createIsAuthEvent: false,
  authRules: {
    ...v11.authRules,
    event: inserted(v11.authRules.event, 'room-id', 'auth-events'),
    create: ['no-previous-events', 'no-room-id', 'known-version', 'additional-creators'],
    powerLevels: inserted(v11.authRules.powerLevels, 'no-creators', 'first-power-levels'),
  },
}

/** The room versions of the specification. */
export const roomVersions: Readonly<Record<RoomVersionId, RoomVersion>> = {
  1: v1,
  2: v2,
  3: v3,
  4: v4,
  5: v5,
  6: v6,
  7: v7,
  8: v8,
  9: v9,
  10: v10,
  11: v11,
  12: v12,
}

/** The version of rooms that are created without naming one. */
export const defaultRoomVersion: RoomVersionId = '12'

/** The room version of that id, as a client or a peer wrote it, if Hearth knows it. */
export function findRoomVersion(id: string): RoomVersion | undefined {
  return Object.hasOwn(roomVersions, id) ? roomVersions[id as RoomVersionId] : undefined
}

function without<T extends string>(list: readonly T[], ...gone: T[]): readonly T[] {
  return list.filter((item) => !gone.includes(item))
}

function inserted<T extends string>(list: readonly T[], item: T, before: T): readonly T[] {
  return list.flatMap((each) => (each === before ? [item, each] : [each]))
}

function withoutKey<T>(record: Readonly<Record<string, T>>, gone: string): Readonly<Record<string, T>> {
  return Object.fromEntries(Object.entries(record).filter(([key]) => key !== gone))
}

function withContent(rules: RedactionRules, content: RedactionRules['content']): RedactionRules {
  return { ...rules, content: { ...rules.content, ...content } }
}
