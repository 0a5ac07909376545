import { randomInt } from 'node:crypto'
import type { RoomId } from '@hearth/protocol'

const letters = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz'

/** A new room id of the form that room versions before 12 have: 18 letters are 102 bits. */
export function randomRoomId(serverName: string): RoomId {
  const opaque = Array.from({ length: 18 }, () => letters[randomInt(letters.length)]).join('')
  return `!${opaque}:${serverName}` as RoomId
}
