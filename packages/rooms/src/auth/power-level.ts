import type { JsonValue } from '@hearth/protocol'
import type { RoomVersion } from '../room-versions.ts'

const integerText = /^\s*[+-]?[0-9]+\s*$/

/**
 * Reads one level of an `m.room.power_levels` event: an integer; before room version 10 also an integer in a string,
 * and a float, whose fraction is cut off. `undefined` for what is no level in that room version.
 * {@link https://spec.matrix.org/v1.19/rooms/v1/#mroompower_levels-events-accept-values-as-strings}
 */
export function readPowerLevel(version: RoomVersion, value: JsonValue | undefined): number | undefined {
  if (typeof value === 'number') return readNumber(version, value)
  if (version.integerPowerLevels || typeof value !== 'string' || !integerText.test(value)) return undefined
  return readNumber(version, Number(value))
}

function readNumber(version: RoomVersion, value: number): number | undefined {
  const level = version.integerPowerLevels ? value : Math.trunc(value)
  if (!Number.isSafeInteger(level)) return undefined
  // Cutting off -0.5 leaves -0, which is another value to Object.is and Map.
  return level === 0 ? 0 : level
}
