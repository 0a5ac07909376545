import { roomSummary, strippedChild } from '@hearth/core'
import { s, type RoomId } from '@hearth/protocol'
import { endpoint } from '../context.ts'

/** A space and the rooms in it. {@link https://spec.matrix.org/v1.19/server-server-api/#get_matrixfederationv1hierarchyroomid} */
export const getSpaceHierarchy = endpoint({
  method: 'GET',
  path: '/_matrix/federation/v1/hierarchy/:roomId',
  auth: 'server',
  params: s.object({ roomId: s.format<RoomId>('mx-room-id') }),
  query: s.object({ suggested_only: s.optional(s.boolean) }),
  response: s.object({
    room: s.record<unknown>(s.unknown),
    children: s.array<unknown>(s.unknown),
    inaccessible_children: s.array(s.string),
  }),
  async handle({ servedSpaces }, { params, query, requester }) {
    const { suggested_only: suggestedOnly = false } = query
    const space = await servedSpaces.get(requester.origin, params.roomId, { suggestedOnly })
    return {
      room: { ...roomSummary(space.room), children_state: space.links.map(strippedChild) },
      children: space.children.map(roomSummary),
      inaccessible_children: [...space.inaccessible],
    }
  },
})
