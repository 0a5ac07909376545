import { randomBytes } from 'node:crypto'
import { canonicalJson } from '@hearth/crypto'
import { serverOf, type EventId, type RoomId, type UserId } from '@hearth/protocol'
import { eventFlags, wellKnownTypes, type Membership, type Store } from '@hearth/store'

/** Writes into the database that users of other servers are in a room, as if another process had taken that in. */
export async function setRemoteMembers(
  store: Store,
  roomId: string,
  userIds: readonly string[],
  membership: Membership = 'join',
  { outgoing = false } = {},
): Promise<void> {
  const { nid: roomNid } = (await store.rooms.find(roomId as RoomId))!
  const { lastPos, stateNid, depth } = (await store.roomHeads.findAll([roomNid])).get(roomNid)!
  const stateKeys = await store.stateKeys.internAll(userIds)
  const users = await store.users.internAll(userIds as readonly UserId[])
  const servers = await store.servers.internAll(userIds.map((userId) => serverOf(userId)))
  const events = userIds.map((id, index) => {
    const userId = id as UserId
    const senderNid = users.get(userId)!
    const pdu = {
      type: 'm.room.member',
      room_id: roomId,
      sender: userId,
      state_key: userId,
      content: { membership },
      depth: depth + 1 + index,
      origin_server_ts: Date.now(),
      prev_events: [],
      auth_events: [],
    }
    return {
      eventId: `$${randomBytes(32).toString('base64url')}` as EventId,
      json: canonicalJson(pdu),
      typeNid: wellKnownTypes['m.room.member'],
      stateKeyNid: stateKeys.get(userId)!,
      senderNid,
      depth: depth + 1 + index,
      ts: Date.now(),
      flags: outgoing ? eventFlags.outgoing : 0,
      auth: [],
      membership: {
        userNid: senderNid,
        serverNid: servers.get(serverOf(userId))!,
        local: false,
        membership,
        previous: membership === 'leave' ? ('join' as const) : null,
      },
    }
  })
  const outcome = await store.persister.commit({
    roomNid,
    expectedPos: lastPos,
    stateNid,
    events,
    extremities: [-events.length],
  })
  if (outcome.kind !== 'committed') throw new Error(outcome.kind)
}
