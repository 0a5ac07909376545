import { maybeOutside, wellKnownTypes, type StateMap, type Store } from '@hearth/store'
import type { StoredRoom } from './stored-room.ts'

/** Whether the rows about members, of users and of servers, are what the room's state says. */
export async function checkMemberships(
  store: Store,
  room: StoredRoom,
  state: StateMap,
  serverName: string,
  complain: (problem: string) => void,
): Promise<void> {
  const members = membersIn(room, state)
  await checkUsers(store, room, members, serverName, complain)
  await checkServers(store, room, members, complain)
}

interface Member {
  readonly userId: string
  readonly membership: string
  readonly nid: number
}

function membersIn({ events, outliers }: StoredRoom, state: StateMap): Member[] {
  const byNid = new Map([...events, ...outliers].map(({ row, pdu }) => [row.nid, pdu]))
  const members: Member[] = []
  for (const { typeNid, nid } of state.entries()) {
    const pdu = byNid.get(nid)
    if (typeNid !== wellKnownTypes['m.room.member'] || pdu?.state_key === undefined) continue
    members.push({ userId: pdu.state_key, membership: pdu.content['membership'] as string, nid })
  }
  return members
}

async function checkUsers(
  store: Store,
  room: StoredRoom,
  members: readonly Member[],
  serverName: string,
  complain: (problem: string) => void,
): Promise<void> {
  const rows = await store.database.query<{ userId: string; nid: number; pos: number; code: number }>(
    null,
    // Not those that other servers told of while nobody of this one was in the room.
    `select user_id as "userId", l.nid, pos, membership as code
       from local_membership l join users u on u.nid = l.user_nid where room_nid = $1
        and not exists (select from outside_membership o where o.room_nid = $1 and o.user_nid = l.user_nid and o.nid = l.nid)`,
    [room.nid],
  )
  const outside = new Set(
    (
      await store.database.query<{ userId: string }>(
        null,
        'select user_id as "userId" from outside_membership join users on users.nid = user_nid where room_nid = $1',
        [room.nid],
      )
    ).map(({ userId }) => userId),
  )
  const inState = await store.database.query<{ nid: number; code: number | null }>(
    null,
    'select nid, membership as code from current_state where room_nid = $1 and type_nid = $2',
    [room.nid, wellKnownTypes['m.room.member']],
  )
  const codes = new Map(inState.map(({ nid, code }) => [nid, code]))
  const byUser = new Map(rows.map((row) => [row.userId, row]))
  for (const { userId, nid, membership } of members) {
    const code = codes.get(nid)
    if (code !== codeOf(membership)) complain(`the current state has the code ${code} for ${membership} of ${userId}`)
    if (!userId.endsWith(`:${serverName}`)) continue
    const row = byUser.get(userId)
    byUser.delete(userId)
    // A room that is known from outside again still has the state of before.
    if (row === undefined && outside.has(userId)) continue
    if (row?.nid !== nid || (row.pos !== nid && !maybeOutside(nid)) || row.code !== codeOf(membership)) {
      complain(`${userId} has ${membership} by event ${nid}, but the row is ${JSON.stringify(row)}`)
    }
  }
  for (const userId of byUser.keys()) complain(`there is a row for ${userId}, who is no member`)
}

async function checkServers(
  store: Store,
  room: StoredRoom,
  members: readonly Member[],
  complain: (problem: string) => void,
): Promise<void> {
  const joined = new Map<string, number>()
  for (const { userId, membership } of members) {
    const server = userId.slice(userId.indexOf(':') + 1)
    if (membership === 'join') joined.set(server, (joined.get(server) ?? 0) + 1)
  }
  for (const row of await store.roomServers.listByRoom(room.nid)) {
    const server = await store.servers.keyOf(row.serverNid)
    const count = joined.get(server) ?? 0
    joined.delete(server)
    if (row.joined !== count) complain(`${server} has ${count} joined users, its row says ${row.joined}`)
    if ((row.leftPos === null) !== count > 0) complain(`${server} has ${count} joined users and left at ${row.leftPos}`)
  }
  for (const server of joined.keys()) complain(`there is no row for ${server}`)
}

const memberships = ['join', 'invite', 'leave', 'ban', 'knock']

function codeOf(membership: string): number {
  return memberships.indexOf(membership) + 1
}
