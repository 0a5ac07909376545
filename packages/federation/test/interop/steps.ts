import {
  eventually,
  untilTheyAgree,
  type Peer,
  type SyncedEvent,
  type TestAnswer,
  type TestClient,
} from '@hearth/test-kit'
import { expect } from 'vitest'

/** The path of a room in the client-server API. */
export function roomPath(roomId: string): string {
  return `rooms/${encodeURIComponent(roomId)}`
}

/** Members on different servers see the same state and the same events. */
export async function expectAgreement(clients: readonly TestClient[], roomId: string): Promise<void> {
  const [first, ...others] = await untilTheyAgree(clients, roomId)
  for (const other of others) expect(other).toEqual(first)
}

export async function untilMembership(
  client: TestClient,
  roomId: string,
  userId: string,
  expected: string,
): Promise<void> {
  const path = `${roomPath(roomId)}/state/m.room.member/${encodeURIComponent(userId)}`
  const found = await eventually(
    async () => (await client.get(path))['membership'],
    (membership) => membership === expected,
  )
  expect(found).toBe(expected)
}

/** Waits for an invitation, and gives what it tells of the room. */
export async function untilInvited(guest: TestClient, roomId: string): Promise<SyncedEvent[]> {
  const invited = await eventually(
    async () => (await guest.sync()).rooms?.invite?.[roomId],
    (room) => room !== undefined,
  )
  if (!invited) throw new Error(`${guest.userId} was never invited to ${roomId}`)
  return invited.invite_state.events
}

/** What a sync that goes on from `since` shows last of a room that the user left, or was made to leave. */
export async function untilLeft(guest: TestClient, roomId: string, since: string): Promise<SyncedEvent> {
  const left = await eventually(
    async () => (await guest.sync({ since })).rooms?.leave?.[roomId]?.timeline.events.at(-1),
    (event) => event !== undefined,
  )
  if (!left) throw new Error(`${guest.userId} never left ${roomId}`)
  return left
}

/** Waits until a member can have an event, and gives it. */
export async function untilSeen(client: TestClient, roomId: string, eventId: string): Promise<SyncedEvent> {
  const event = await eventually(
    () => client.get(`${roomPath(roomId)}/event/${encodeURIComponent(eventId)}`),
    () => true,
  )
  return event as SyncedEvent
}

/** Asks to join by way of a server. */
export function tryToJoin(
  guest: TestClient,
  room: string,
  { serverName }: Pick<Peer, 'serverName'>,
): Promise<TestAnswer> {
  // Servers of today read the one, those of yesterday the other.
  const query = { via: serverName, server_name: serverName }
  return guest.request('POST', `join/${encodeURIComponent(room)}`, { query })
}

/** Joins by way of a server. */
export async function joinVia(guest: TestClient, room: string, peer: Pick<Peer, 'serverName'>): Promise<void> {
  const { status, text } = await tryToJoin(guest, room, peer)
  expect({ status, text }).toMatchObject({ status: 200 })
}
