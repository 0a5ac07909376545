import { Dictionary, type DictionaryDeps } from './dictionary.ts'

/** The types whose numbers are the same in every deployment, as the migration has written them. */
export const wellKnownTypes = {
  'm.room.create': 1,
  'm.room.member': 2,
  'm.room.power_levels': 3,
  'm.room.join_rules': 4,
  'm.room.third_party_invite': 5,
  'm.room.history_visibility': 6,
  'm.room.guest_access': 7,
  'm.room.name': 8,
  'm.room.topic': 9,
  'm.room.avatar': 10,
  'm.room.canonical_alias': 11,
  'm.room.aliases': 12,
  'm.room.encryption': 13,
  'm.room.server_acl': 14,
  'm.room.tombstone': 15,
  'm.room.pinned_events': 16,
  'm.room.message': 17,
  'm.room.encrypted': 18,
  'm.room.redaction': 19,
  'm.reaction': 20,
  'm.sticker': 21,
  'm.space.child': 22,
  'm.space.parent': 23,
} as const

/** The types of events. */
export class EventTypes extends Dictionary<string> {
  constructor(deps: DictionaryDeps) {
    super({ table: 'event_types', column: 'type' }, deps)
  }
}
