import { roomVersions } from '@hearth/rooms'
import { checkDatabase, PeerServers, type HearthPeer, type TestClient } from '@hearth/test-kit'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'

let peers: PeerServers
let one: Awaited<ReturnType<PeerServers['gatedHearth']>>
let two: HearthPeer
let alice: TestClient
let bob: TestClient

beforeAll(async () => {
  peers = await PeerServers.create()
  one = await peers.gatedHearth()
  two = await peers.hearth()
  alice = await one.register('alice')
  bob = await two.register('bob')
})

afterAll(async () => {
  await peers[Symbol.asyncDispose]()
})

type Room = { [list in 'join' | 'invite' | 'knock' | 'leave']?: Record<string, JsonRoom> }
interface JsonRoom {
  invite_state?: { events: { type: string; state_key: string; content: { membership?: string } }[] }
  knock_state?: { events: { type: string }[] }
  timeline?: { events: { type: string; state_key?: string; content: { membership?: string } }[] }
}

async function roomsOf(client: TestClient): Promise<Room> {
  const { rooms } = await client.sync({ filter: JSON.stringify({ room: { include_leave: true } }) })
  return rooms as unknown as Room
}

function membershipOf(client: TestClient, roomId: string, userId: string): Promise<string | undefined> {
  return client
    .request('GET', `rooms/${encodeURIComponent(roomId)}/state/m.room.member/${encodeURIComponent(userId)}`)
    .then(({ body }) => (body as { membership?: string }).membership)
}

const via = (server: { serverName: string }): string => `?via=${encodeURIComponent(server.serverName)}`

describe.each(Object.keys(roomVersions))('between two servers, in a room of version %s', (version) => {
  it('somebody is invited, joins, leaves and comes back', async () => {
    const roomId = await alice.createRoom({ room_version: version, name: 'Meeting' })
    await alice.invite(roomId, bob.userId)
    const invited = (await roomsOf(bob)).invite![roomId]!
    const types = invited.invite_state!.events.map(({ type }) => type)
    expect(types).toContain('m.room.create')
    expect(types).toContain('m.room.name')
    expect(invited.invite_state!.events.at(-1)).toMatchObject({
      state_key: bob.userId,
      content: { membership: 'invite' },
    })
    await bob.join(roomId)
    expect((await roomsOf(bob)).join![roomId]).toBeDefined()
    expect(await membershipOf(alice, roomId, bob.userId)).toBe('join')
    expect(await membershipOf(bob, roomId, alice.userId)).toBe('join')
  })

  it('somebody knocks, where that can be', async () => {
    const joinRule = roomVersions[version as '11'].joinRules.knockable[0]
    if (joinRule === undefined) return
    const roomId = await alice.createRoom({
      room_version: version,
      name: 'Door',
      initial_state: [{ type: 'm.room.join_rules', state_key: '', content: { join_rule: 'knock' } }],
    })
    await bob.post(`knock/${encodeURIComponent(roomId)}${via(one)}`, { reason: 'please' })
    const types = (await roomsOf(bob)).knock![roomId]!.knock_state!.events.map(({ type }) => type)
    expect(types).toContain('m.room.name')
    expect(await membershipOf(alice, roomId, bob.userId)).toBe('knock')
    await alice.invite(roomId, bob.userId)
    expect((await roomsOf(bob)).invite![roomId]).toBeDefined()
    await bob.join(roomId)
    expect(await membershipOf(alice, roomId, bob.userId)).toBe('join')
  })

  it('somebody rejects an invitation', async () => {
    const roomId = await alice.createRoom({ room_version: version, invite: [bob.userId] })
    expect((await roomsOf(bob)).invite![roomId]).toBeDefined()
    await bob.leave(roomId)
    const rooms = await roomsOf(bob)
    expect(rooms.invite?.[roomId]).toBeUndefined()
    expect(rooms.leave![roomId]!.timeline!.events).toMatchObject([{ content: { membership: 'leave' } }])
    expect(await membershipOf(alice, roomId, bob.userId)).toBe('leave')
    await bob.post(`rooms/${encodeURIComponent(roomId)}/forget`)
    expect((await roomsOf(bob)).leave?.[roomId]).toBeUndefined()
  })
})

describe('between two servers', () => {
  it('an invitation is rejected although the inviting server is away', async () => {
    const roomId = await alice.createRoom({ invite: [bob.userId] })
    one.gate.closeTo([two.serverName])
    try {
      await bob.leave(roomId)
    } finally {
      one.gate.closeTo([])
    }
    const rooms = await roomsOf(bob)
    expect(rooms.invite?.[roomId]).toBeUndefined()
    expect(rooms.leave![roomId]).toBeDefined()
    expect((await bob.request('POST', `rooms/${encodeURIComponent(roomId)}/leave`)).status).toBe(403)
    // They can still change their mind.
    await bob.join(roomId)
    expect(await membershipOf(alice, roomId, bob.userId)).toBe('join')
  })

  it('an invitation can be sent again after it was rejected', async () => {
    const roomId = await alice.createRoom({ invite: [bob.userId] })
    await bob.leave(roomId)
    await alice.invite(roomId, bob.userId)
    expect((await roomsOf(bob)).invite![roomId]).toBeDefined()
  })

  it('a user of a server that is in the room is invited, and sees it once', async () => {
    const roomId = await alice.createRoom({ invite: [bob.userId] })
    await bob.join(roomId)
    const carol = await two.register(`carol${Math.random().toString(36).slice(2)}`)
    await alice.invite(roomId, carol.userId)
    await expect.poll(async () => (await roomsOf(carol)).invite?.[roomId]).toBeDefined()
    await carol.join(roomId)
    await expect.poll(() => membershipOf(alice, roomId, carol.userId)).toBe('join')
  })

  it('the last user of a server leaves a room, which goes on without it, and comes back to what it is by then', async () => {
    const roomId = await alice.createRoom({ preset: 'public_chat', name: 'Before' })
    await bob.post(`join/${encodeURIComponent(roomId)}${via(one)}`)
    await bob.leave(roomId)
    await expect.poll(() => membershipOf(alice, roomId, bob.userId)).toBe('leave')
    await alice.setState(roomId, 'm.room.name', { name: 'After' })
    await alice.sendText(roomId, 'nobody of two hears this')
    const carol = await two.register(`carol${Math.random().toString(36).slice(2)}`)
    await carol.post(`join/${encodeURIComponent(roomId)}${via(one)}`)
    const name = await carol.get(`rooms/${encodeURIComponent(roomId)}/state/m.room.name`)
    expect(name).toEqual({ name: 'After' })
    const eventId = await carol.sendText(roomId, 'hello again')
    await expect
      .poll(async () => (await alice.request('GET', `rooms/${encodeURIComponent(roomId)}/event/${eventId}`)).status)
      .toBe(200)
    await alice.sendText(roomId, 'welcome back')
    await expect
      .poll(async () => JSON.stringify((await roomsOf(carol)).join?.[roomId]?.timeline))
      .toContain('welcome back')
  })

  it('a member of another room is let in through a server whose users may', async () => {
    const club = await alice.createRoom({ preset: 'public_chat' })
    const allow = [{ type: 'm.room_membership', room_id: club }]
    const roomId = await alice.createRoom({
      room_version: '10',
      power_level_content_override: { invite: 50 },
      initial_state: [{ type: 'm.room.join_rules', state_key: '', content: { join_rule: 'restricted', allow } }],
    })
    const carol = await two.register(`carol${Math.random().toString(36).slice(2)}`)
    const dave = await two.register(`dave${Math.random().toString(36).slice(2)}`)
    const enter = (client: TestClient, id: string) =>
      client.request('POST', `join/${encodeURIComponent(id)}${via(one)}`, { body: {} })
    expect(await enter(carol, roomId)).toMatchObject({ status: 403 })
    for (const client of [carol, dave]) expect((await enter(client, club)).status).toBe(200)
    // The first one finds a room elsewhere, the second one that this server is in.
    for (const client of [carol, dave]) {
      expect(await enter(client, roomId)).toMatchObject({ status: 200 })
      await expect.poll(() => membershipOf(alice, roomId, client.userId)).toBe('join')
      await expect.poll(() => membershipOf(client, roomId, client.userId)).toBe('join')
    }
  })
})

it('leaves databases that fit together', async () => {
  for (const { server, serverName } of [one, two]) {
    expect((await checkDatabase({ url: server.database.url, serverName })).problems).toEqual([])
  }
})
