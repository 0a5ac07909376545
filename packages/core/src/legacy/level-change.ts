import { isJsonObject, type JsonObject } from '@hearth/protocol'
import { PowerLevels } from '@hearth/rooms'
import { nestedPowerLevels, type RoomFacts } from './flat-power-levels.ts'
import { levelEventType, writeLevelEvent } from './level-events.ts'

/** Turns the content of `m.room.power_levels` into another one. May throw a MatrixError. */
export type LevelChange = (content: JsonObject, facts: RoomFacts) => JsonObject

/**
 * What setting a state event of the founding API does to the power levels; undefined for events that hold no levels.
 *
 * @throws MatrixError M_BAD_JSON for levels that are no integers.
 */
export function levelChange(type: string, stateKey: string, content: JsonObject): LevelChange | undefined {
  if (stateKey !== '') return undefined
  if (type === 'm.room.power_levels') {
    return (current, facts) => ({ ...current, ...nestedPowerLevels(content, facts) })
  }
  const levelEvent = levelEventType(type)
  if (levelEvent === undefined) return undefined
  const levels = writeLevelEvent(levelEvent, content)
  return (current) => ({ ...current, ...levels })
}

/** Lets sending state events of a type take that level. Where it takes it already, nothing changes. */
export function requiredLevelChange(type: string, level: number): LevelChange {
  return (current, facts) => {
    if (new PowerLevels({ ...facts, content: current }).toSend(type, 'state') === level) return current
    const events = isJsonObject(current['events']) ? Object.entries(current['events']) : []
    return { ...current, events: Object.fromEntries([...events, [type, level]]) }
  }
}
