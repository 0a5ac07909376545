import { badJson, forbidden, isJsonObject, isUserId, type JsonObject } from '@hearth/protocol'
import { PowerLevels, readPowerLevel, type RoomVersion } from '@hearth/rooms'

/** What the translation needs to know of a room. */
export interface RoomFacts {
  readonly version: RoomVersion
  readonly creators: readonly string[]
}

/** How creators show who have more power than any number, from room version 12 on. */
const creatorLevel = 100

/** Today's content of `m.room.power_levels` as the founding API has it: levels by user id, and `default`. */
export function flatPowerLevels(content: JsonObject, { version, creators }: RoomFacts): JsonObject {
  const users = isJsonObject(content['users']) ? Object.entries(content['users']) : []
  const levels = users.flatMap(([userId, value]) => {
    const level = readPowerLevel(version, value)
    return level === undefined ? [] : [[userId, level] as const]
  })
  const infinite = version.creatorsHaveInfinitePower ? creators.map((userId) => [userId, creatorLevel] as const) : []
  const powerLevels = new PowerLevels({ version, content, creators })
  return { ...Object.fromEntries([...infinite, ...levels]), default: powerLevels.level('users_default') }
}

/**
 * The part of today's content that flat power levels stand for. Creators with more power than any number cannot be given
 * another; naming them with the level that they show with, or not at all, changes nothing.
 *
 * @throws MatrixError M_BAD_JSON for keys that are no user ids, M_FORBIDDEN for another level of such a creator.
 */
export function nestedPowerLevels(flat: JsonObject, { version, creators }: RoomFacts): JsonObject {
  const { default: usersDefault = 0, ...levels } = flat
  const users = Object.entries(levels).filter(([userId, level]) => {
    if (!isUserId(userId)) throw badJson(`${userId} is neither a user id nor "default"`)
    if (!version.creatorsHaveInfinitePower || !creators.includes(userId)) return true
    if (level !== creatorLevel) throw forbidden('The power of a creator of this room cannot be changed')
    return false
  })
  return { users: Object.fromEntries(users), users_default: usersDefault }
}
