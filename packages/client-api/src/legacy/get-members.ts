import { jsonPieces } from '@hearth/core'
import { streamedJson } from '@hearth/http'
import { s, type RoomId } from '@hearth/protocol'
import { endpoint } from '../context.ts'
import { founding } from '../paths.ts'

/** A room's member events, as a page that holds all of them. Founding API. */
export const legacyGetMembers = endpoint({
  method: 'GET',
  path: founding('/rooms/:roomId/members'),
  auth: 'user',
  params: s.object({ roomId: s.format<RoomId>('mx-room-id') }),
  response: s.object({ start: s.string, end: s.string, chunk: s.array<unknown>(s.unknown) }),
  async handle({ rooms, roomState, legacyViews }, { params, requester }) {
    const room = await rooms.get(params.roomId)
    const view = await legacyViews.of(room, 'founding')
    const events = await roomState.members(requester, room, {}, (event, viewer) =>
      JSON.stringify(view.event(event.toObject(viewer))),
    )
    return streamedJson(jsonPieces('{"start":"START","end":"END","chunk":[', events, ']}'))
  },
})
