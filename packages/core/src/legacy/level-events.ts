import { badJson, type JsonObject } from '@hearth/protocol'
import type { LevelName, PowerLevels } from '@hearth/rooms'

/** What a level of the founding API counts as where its event does not say. */
const absentLevel = 50

/** The levels that had state events of their own, by the event's type and key, and where they are kept today. */
const levelEvents: Readonly<Record<string, Readonly<Record<string, LevelName>>>> = {
  'm.room.add_state_level': { level: 'state_default' },
  'm.room.send_event_level': { level: 'events_default' },
  'm.room.ops_levels': { ban_level: 'ban', kick_level: 'kick', redact_level: 'redact' },
}

/** The types of the state events that held levels. */
export const levelEventTypes: readonly string[] = Object.keys(levelEvents)

/** The founding documents call one of them by two names. */
export function levelEventType(type: string): string | undefined {
  const canonical = type === 'm.room.ops_level' ? 'm.room.ops_levels' : type
  return Object.hasOwn(levelEvents, canonical) ? canonical : undefined
}

/** The content that a level event has at these power levels. */
export function readLevelEvent(type: string, powerLevels: PowerLevels): JsonObject {
  const keys = Object.entries(levelEvents[type]!)
  return Object.fromEntries(keys.map(([key, name]) => [key, powerLevels.level(name)]))
}

/**
 * The part of the content of `m.room.power_levels` that a level event stands for.
 *
 * @throws MatrixError M_BAD_JSON for levels that are no integers.
 */
export function writeLevelEvent(type: string, content: JsonObject): JsonObject {
  const levels = Object.entries(levelEvents[type]!).map(([key, name]) => {
    const level = content[key] === undefined ? absentLevel : content[key]
    if (!Number.isSafeInteger(level)) throw badJson(`${key} is not an integer`)
    return [name, level] as const
  })
  return Object.fromEntries(levels)
}
