import { isJsonObject, isUserId, type JsonObject, type JsonValue, type UserId } from '@hearth/protocol'
import { levelDefaults, PowerLevels, readPowerLevel, type LevelName, type RoomVersion } from '@hearth/rooms'

const maps = ['events', 'notifications', 'users'] as const

export interface OldLevels {
  readonly version: RoomVersion
  /** The content of the old room's `m.room.power_levels`, if it has one. */
  readonly content: JsonObject | undefined
  readonly creators: readonly string[]
}

/** The power levels of the room that takes another one's place. */
export interface ReplacementLevels {
  /** With these the replacement begins: they let its creator put everything in place. */
  readonly first: JsonObject
  /** With these it goes on, where they differ. */
  readonly last: JsonObject | undefined
}

/**
 * Carries power levels over to a room of another version, created by `creators`, the first of whom upgrades the room.
 * Everybody keeps their level, but for creators where these stand above all levels.
 */
export function replacementLevels(
  old: OldLevels,
  version: RoomVersion,
  creators: readonly UserId[],
): ReplacementLevels {
  const kept = readable(old, version)
  const users = { ...(kept['users'] as JsonObject) }
  if (version.creatorsHaveInfinitePower) {
    for (const creator of creators) delete users[creator]
    return { first: { ...kept, users }, last: undefined }
  }
  // Who stood above all levels stands where the highest of them is.
  const highest = Math.max(100, ...Object.values(users).map(Number))
  const stoodAbove = old.version.creatorsHaveInfinitePower || old.content === undefined ? old.creators : []
  for (const creator of stoodAbove) users[creator] = old.content === undefined ? 100 : highest
  const last: JsonObject = { ...kept, users }
  const needed = neededLevel(last)
  const [upgrader] = creators as [UserId]
  const level = new PowerLevels({ version, content: last, creators }).of(upgrader)
  if (level >= needed) return { first: last, last: undefined }
  return { first: { ...last, users: { ...users, [upgrader]: needed } }, last }
}

/**
 * The power levels that close a room which was replaced: fewer may talk and invite than before. `undefined` where it is
 * closed already.
 * {@link https://spec.matrix.org/v1.19/client-server-api/#server-behaviour-15}
 */
export function closingLevels({ version, content, creators }: OldLevels): JsonObject | undefined {
  const levels = new PowerLevels({ version, content, creators })
  const closed = Math.max(50, levels.level('users_default') + 1)
  const names = (['events_default', 'invite'] as const).filter((name) => levels.level(name) < closed)
  if (names.length === 0) return undefined
  const [creator] = creators
  const unnamed: JsonObject =
    creator === undefined || version.creatorsHaveInfinitePower ? {} : { users: { [creator]: levels.of(creator) } }
  return { ...(content ?? unnamed), ...Object.fromEntries(names.map((name) => [name, closed])) }
}

/** The levels that both versions can read, in the form that the new one asks for. */
function readable({ version: from, content = {} }: OldLevels, to: RoomVersion): JsonObject {
  const level = (value: JsonValue | undefined): JsonValue | undefined =>
    // What is an integer stays one; what older versions took for one becomes one.
    to.integerPowerLevels || typeof value !== 'string' ? readPowerLevel(from, value) : value
  const kept: JsonObject = { ...content }
  for (const name of Object.keys(levelDefaults) as LevelName[]) {
    const value = level(content[name])
    if (value === undefined) delete kept[name]
    else kept[name] = value
  }
  for (const map of maps) {
    if (content[map] === undefined && map !== 'users') continue
    const entries = Object.entries(isJsonObject(content[map]) ? content[map] : {})
      .map(([key, value]) => [key, level(value)] as const)
      .filter(([key, value]) => value !== undefined && (map !== 'users' || isUserId(key)))
    kept[map] = Object.fromEntries<JsonValue | undefined>(entries)
  }
  return kept
}

/** The level of whoever may do everything that these levels speak of. */
function neededLevel(content: JsonObject): number {
  const events = isJsonObject(content['events']) ? Object.values(content['events']) : []
  const levels = [
    content['state_default'] ?? levelDefaults.state_default,
    content['ban'] ?? levelDefaults.ban,
    ...events,
  ]
  return Math.max(...levels.map(Number).filter(Number.isSafeInteger))
}
