import { jsonPieces } from '@hearth/core'
import { streamedJson } from '@hearth/http'
import { s, type RoomId } from '@hearth/protocol'
import { endpoint } from '../context.ts'
import { founding } from '../paths.ts'

/** A room's state events. Founding API. */
export const legacyGetRoomState = endpoint({
  method: 'GET',
  path: founding('/rooms/:roomId/state'),
  auth: 'user',
  params: s.object({ roomId: s.format<RoomId>('mx-room-id') }),
  response: s.array<unknown>(s.unknown),
  async handle({ rooms, foundingState }, { params, requester }) {
    const events = await foundingState.list(requester, await rooms.get(params.roomId))
    return streamedJson(jsonPieces('[', events, ']'))
  },
})
