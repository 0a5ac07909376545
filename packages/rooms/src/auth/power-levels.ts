/**
 * The rule for `m.room.power_levels`: 10 in room versions 1 to 5 and 12, 9 in those between.
 * {@link https://spec.matrix.org/v1.19/rooms/v12/#authorization-rules}
 */
import { isJsonObject, isUserId, type JsonObject, type JsonValue } from '@hearth/protocol'
import type { PowerLevelRuleName, RoomVersion } from '../room-versions.ts'
import type { AuthCheck, AuthRule } from './auth-check.ts'
import { readPowerLevel } from './power-level.ts'
import { levelDefaults, type LevelName } from './power-levels-view.ts'
import { allow, firstVerdict, refuse, type Verdict } from './verdict.ts'

/** If type is `m.room.power_levels`: */
export const powerLevelsRule: AuthRule = (check) => {
  if (check.pdu.type !== 'm.room.power_levels') return undefined
  const change = new PowerLevelChange(check)
  // Otherwise, allow.
  return firstVerdict(change.version.authRules.powerLevels, powerLevelRules, change) ?? allow
}

type LevelMap = 'users' | 'events' | 'notifications'

const levelNames = Object.keys(levelDefaults) as LevelName[]

/** The old and the new levels beside each other. */
class PowerLevelChange {
  readonly version: RoomVersion
  readonly sender: string
  readonly senderLevel: number
  readonly creators: readonly string[]
  readonly new: JsonObject
  /** The content of the event in force, if the room has one. */
  readonly old: JsonObject | undefined

  constructor({ pdu, room }: AuthCheck) {
    this.version = room.version
    this.sender = pdu.sender
    this.senderLevel = room.powerLevels.of(pdu.sender)
    this.creators = room.creators
    this.new = pdu.content
    this.old = room.event('m.room.power_levels', '')?.pdu.content
  }

  read(value: JsonValue | undefined): number | undefined {
    return readPowerLevel(this.version, value)
  }

  /** The entries of a map that differ, with their levels: `undefined` for one that is not there. */
  *changedEntries(map: LevelMap): Iterable<{ key: string; before: number | undefined; after: number | undefined }> {
    const before = entriesOf(this.old, map)
    const after = entriesOf(this.new, map)
    for (const key of new Set([...Object.keys(before), ...Object.keys(after)])) {
      const levels = { key, before: this.read(own(before, key)), after: this.read(own(after, key)) }
      if (levels.before !== levels.after) yield levels
    }
  }
}

const powerLevelRules: Readonly<Record<PowerLevelRuleName, (change: PowerLevelChange) => Verdict | undefined>> = {
  // Since v10: if any of the properties users_default, events_default, state_default, ban, redact, kick, or invite in
  // content are present and not an integer, reject.
  'integer-levels': (change) => {
    const wrong = levelNames.find(
      (name) => change.new[name] !== undefined && change.read(change.new[name]) === undefined,
    )
    return wrong === undefined ? undefined : refuse(`${wrong} is not an integer`)
  },

  // Since v10: if either of the properties events or notifications in content are present and not an object with values
  // that are integers, reject.
  'integer-maps': (change) => {
    const wrong = (['events', 'notifications'] as const).find((map) => !isLevelMap(change, map))
    return wrong === undefined ? undefined : refuse(`${wrong} is not an object of integers`)
  },

  // If the users property in content is not an object with keys that are valid user IDs with values that are integers
  // (until v9, or a string that is an integer), reject.
  users: (change) => {
    if (!isLevelMap(change, 'users')) return refuse('users is not an object of levels')
    const stranger = Object.keys(entriesOf(change.new, 'users')).find((key) => !isUserId(key))
    if (stranger !== undefined) return refuse('a key of users is not a user id')
    // NOTSPEC: until v9 the other levels are not checked at all. Nobody can act on what is no level, and Synapse fails
    // on comparing it, so such an event is refused here.
    return unreadableLevel(change)
  },

  // Since v12: if the users property in content contains the sender of the m.room.create event or any of the
  // additional_creators array (if present) from the content of the m.room.create event, reject.
  'no-creators': (change) => {
    const users = entriesOf(change.new, 'users')
    if (change.creators.some((creator) => Object.hasOwn(users, creator)))
      return refuse('users names a creator of the room')
    return undefined
  },

  // If there is no previous m.room.power_levels event in the room, allow.
  'first-power-levels': (change) => (change.old === undefined ? allow : undefined),

  // For the properties users_default, events_default, state_default, ban, redact, kick, invite check if they were
  // added, changed or removed. For each found alteration:
  levels: (change) => {
    for (const name of levelNames) {
      const before = change.read(own(change.old, name))
      const after = change.read(own(change.new, name))
      if (before === after) continue
      // 1. If the current value is higher than the sender's current power level, reject.
      if (exceeds(before, change.senderLevel)) return refuse(`${name} is above the sender's power level`, '1')
      // 2. If the new value is higher than the sender's current power level, reject.
      if (exceeds(after, change.senderLevel)) return refuse(`${name} would be above the sender's power level`, '2')
    }
    return undefined
  },

  // For each entry being changed in, or removed from, the events (since v6, or notifications) properties:
  // 1. If the current value is greater than the sender's current power level, reject.
  'map-entries-changed': (change) => {
    for (const map of change.version.levelMaps) {
      for (const { key, before } of change.changedEntries(map)) {
        if (exceeds(before, change.senderLevel)) return refuse(`${map}: ${key} is above the sender's power level`, '1')
      }
    }
    return undefined
  },

  // For each entry being added to, or changed in, the events (since v6, or notifications) properties:
  // 1. If the new value is greater than the sender's current power level, reject.
  'map-entries-added': (change) => {
    for (const map of change.version.levelMaps) {
      for (const { key, after } of change.changedEntries(map)) {
        if (exceeds(after, change.senderLevel))
          return refuse(`${map}: ${key} would be above the sender's power level`, '1')
      }
    }
    return undefined
  },

  // For each entry being changed in, or removed from, the users property, other than the sender's own entry:
  // 1. If the current value is greater than or equal to the sender's current power level, reject.
  'users-changed': (change) => {
    for (const { key, before } of change.changedEntries('users')) {
      if (key === change.sender || before === undefined || before < change.senderLevel) continue
      return refuse(`the power level of ${key} is not below the sender's`, '1')
    }
    return undefined
  },

  // For each entry being added to, or changed in, the users property:
  // 1. If the new value is greater than the sender's current power level, reject.
  'users-added': (change) => {
    for (const { key, after } of change.changedEntries('users')) {
      if (exceeds(after, change.senderLevel))
        return refuse(`the power level of ${key} would be above the sender's`, '1')
    }
    return undefined
  },
}

/** Until v9: whether a level outside `users` is neither a level nor null. */
function unreadableLevel(change: PowerLevelChange): Verdict | undefined {
  if (change.version.integerPowerLevels) return undefined
  const wrong = levelNames.find((name) => change.new[name] != null && change.read(change.new[name]) === undefined)
  if (wrong !== undefined) return refuse(`${wrong} is not a level`)
  if (!isLevelMap(change, 'events')) return refuse('events is not an object of levels')
  return undefined
}

function isLevelMap(change: PowerLevelChange, map: LevelMap): boolean {
  const entries = change.new[map]
  if (entries === undefined) return true
  return isJsonObject(entries) && Object.values(entries).every((level) => change.read(level) !== undefined)
}

function entriesOf(content: JsonObject | undefined, map: LevelMap): JsonObject {
  const entries = own(content, map)
  return isJsonObject(entries) ? entries : {}
}

function own(object: JsonObject | undefined, key: string): JsonValue | undefined {
  return object !== undefined && Object.hasOwn(object, key) ? object[key] : undefined
}

function exceeds(level: number | undefined, limit: number): boolean {
  return level !== undefined && level > limit
}
