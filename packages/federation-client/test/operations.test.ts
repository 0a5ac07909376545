import type { EventId, JsonObject, RoomId, UserId } from '@hearth/protocol'
import { describe, expect, it } from 'vitest'
import { RemoteError } from '../src/index.ts'
import { failureOf, peerForEachTest, type World } from './peer-for-each-test.ts'

const room = '!room:peer.test' as RoomId
const event = '$event' as EventId
const user = '@user:peer.test' as UserId

let peer: World['peer']
let client: World['client']
peerForEachTest((world) => ({ peer, client } = world))

describe('an invitation', () => {
  const invitation = { roomVersion: '1', event: { type: 'm.room.member' }, inviteRoomState: [{ type: 'm.room.name' }] }

  it('is sent by version 2 of the API', async () => {
    peer.on('PUT', /v2\/invite/, ({ body }) => ({ event: body['event'] as JsonObject }))
    await expect(client.invite(peer.name, room, event, invitation)).resolves.toEqual(invitation.event)
    expect(peer.requests[0]!.body).toEqual({
      room_version: '1',
      event: invitation.event,
      invite_room_state: invitation.inviteRoomState,
    })
  })

  it('is sent by version 1 to a server that has no other, for rooms of the first versions', async () => {
    peer.on('PUT', /v1\/invite/, ({ body }) => [200, [200, { event: body }]])
    const answer = await client.invite(peer.name, room, event, invitation)
    expect(answer).toEqual({ type: 'm.room.member', unsigned: { invite_room_state: [{ type: 'm.room.name' }] } })
    const error = await failureOf(client.invite(peer.name, room, event, { ...invitation, roomVersion: '10' }))
    expect(error).toMatchObject({ errcode: 'M_UNRECOGNIZED' })
    expect(peer.requestsTo(/v1\/invite/)).toHaveLength(1)
  })

  it('that is refused is not sent again', async () => {
    peer.on('PUT', /v2\/invite/, () => [403, { errcode: 'M_FORBIDDEN' }])
    await expect(client.invite(peer.name, room, event, invitation)).rejects.toThrow(RemoteError)
    expect(peer.requests).toHaveLength(1)
  })
})

describe('operations', () => {
  it('ask what the specification says', async () => {
    peer.on('GET', /make_join/, () => ({ room_version: '11', event: { type: 'm.room.member' } }))
    peer.on('GET', /make_leave/, () => ({ event: { type: 'm.room.member' } }))
    peer.on('GET', /publicRooms/, () => ({ chunk: [{ room_id: room }, 5] }))
    peer.on('POST', /publicRooms/, () => ({ chunk: [], next_batch: 'n' }))
    peer.on('GET', /query\/directory/, () => ({ room_id: room, servers: ['a', 'b'] }))
    peer.on('GET', /query\/profile/, () => ({ displayname: 'x' }))
    peer.on('GET', /hierarchy/, () => ({ room: {}, children: [{}] }))
    peer.on('GET', /timestamp_to_event/, () => ({ event_id: event, origin_server_ts: 1 }))
    peer.on('POST', /get_missing_events/, () => ({ events: [{ depth: 1 }] }))
    peer.on('GET', /state_ids/, () => ({ pdu_ids: ['$a', 5], auth_chain_ids: [] }))
    peer.on('GET', /event_auth/, () => ({ auth_chain: [{ a: 1 }] }))
    peer.on('PUT', /send_knock/, () => ({ knock_room_state: [{ type: 'm.room.name' }] }))
    peer.on('POST', /policy\/v1\/sign/, () => ({ 'peer.test': { 'ed25519:policy_server': 'sig' } }))
    peer.on('POST', /key\/v2\/query/, () => ({ server_keys: [peer.keyDocument(), 'x'] }))
    const { name } = peer
    await expect(client.makeJoin(name, room, user, ['11', '12'])).resolves.toMatchObject({ room_version: '11' })
    await expect(client.makeLeave(name, room, user)).resolves.toMatchObject({ room_version: '1' })
    await expect(client.publicRooms(name, { limit: 1 })).resolves.toEqual({ chunk: [{ room_id: room }] })
    const filter = { generic_search_term: 'x', room_types: [null] }
    await expect(client.publicRooms(name, { since: 's', filter })).resolves.toEqual({ chunk: [], next_batch: 'n' })
    await expect(client.queryDirectory(name, '#a:peer.test' as never)).resolves.toEqual({
      room_id: room,
      servers: ['a', 'b'],
    })
    await expect(client.queryProfile(name, user, 'displayname')).resolves.toEqual({ displayname: 'x' })
    await expect(client.hierarchy(name, room, { suggestedOnly: true })).resolves.toEqual({ room: {}, children: [{}] })
    await expect(client.timestampToEvent(name, room, { ts: 1, dir: 'b' })).resolves.toMatchObject({ event_id: event })
    const range = { earliestEvents: [event], latestEvents: [event], limit: 10, minDepth: 3 }
    await expect(client.getMissingEvents(name, room, range)).resolves.toEqual([{ depth: 1 }])
    await expect(client.getStateIds(name, room, event)).resolves.toEqual({ pdu_ids: ['$a'], auth_chain_ids: [] })
    await expect(client.getEventAuth(name, room, event)).resolves.toEqual([{ a: 1 }])
    await expect(client.sendKnock(name, room, event, {})).resolves.toEqual([{ type: 'm.room.name' }])
    await expect(client.askPolicyServerToSign(name, {})).resolves.toHaveProperty('peer.test')
    await expect(client.queryKeys(name, { 'a.test': {} })).resolves.toHaveLength(1)
    expect(peer.requests.map(({ method, target }) => `${method} ${target.replace('/_matrix/', '')}`)).toEqual([
      'GET federation/v1/make_join/!room%3Apeer.test/%40user%3Apeer.test?ver=11&ver=12',
      'GET federation/v1/make_leave/!room%3Apeer.test/%40user%3Apeer.test',
      'GET federation/v1/publicRooms?limit=1',
      'POST federation/v1/publicRooms',
      'GET federation/v1/query/directory?room_alias=%23a%3Apeer.test',
      'GET federation/v1/query/profile?user_id=%40user%3Apeer.test&field=displayname',
      'GET federation/v1/hierarchy/!room%3Apeer.test?suggested_only=true',
      'GET federation/v1/timestamp_to_event/!room%3Apeer.test?ts=1&dir=b',
      'POST federation/v1/get_missing_events/!room%3Apeer.test',
      'GET federation/v1/state_ids/!room%3Apeer.test?event_id=%24event',
      'GET federation/v1/event_auth/!room%3Apeer.test/%24event',
      'PUT federation/v1/send_knock/!room%3Apeer.test/%24event',
      'POST policy/v1/sign',
      'POST key/v2/query',
    ])
    expect(peer.requests[3]!.body).toEqual({ since: 's', filter })
    expect(peer.requests[8]!.body).toEqual({
      earliest_events: [event],
      latest_events: [event],
      limit: 10,
      min_depth: 3,
    })
    expect(peer.requests.at(-1)!.body).toEqual({ server_keys: { 'a.test': {} } })
  })
})
