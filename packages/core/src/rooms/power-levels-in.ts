import { creatorsOf, PowerLevels, type RoomEvent, type RoomVersion } from '@hearth/rooms'

/** The power levels of a state, given its `m.room.create` and `m.room.power_levels`. */
export function powerLevelsIn(
  version: RoomVersion,
  create: RoomEvent | undefined,
  powerLevels: RoomEvent | undefined,
): PowerLevels {
  return new PowerLevels({
    version,
    content: powerLevels?.pdu.content,
    creators: create ? creatorsOf(version, create) : [],
  })
}
