import { eventually, PeerServers, roomAsSeen, type FederationGate, type Peer, type RoomAsSeen } from '@hearth/test-kit'
import { isDeepStrictEqual } from 'node:util'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { joinVia, roomPath, untilMembership, untilSeen } from './interop/steps.ts'

// Two Hearths and a Synapse that lose each other, go on in different directions, and find each other again.

let servers: PeerServers
let peers: readonly (Peer & { readonly gate: FederationGate })[]
let people = 0

beforeAll(async () => {
  servers = await PeerServers.create()
  peers = await Promise.all([servers.gatedHearth(), servers.gatedHearth(), servers.gatedSynapse()])
})

afterEach(reunite)

afterAll(() => servers[Symbol.asyncDispose]())

/** Cuts the network into groups; servers that are in none reach nobody. */
function part(...groups: readonly (readonly number[])[]): void {
  for (const [index, { gate }] of peers.entries()) {
    const own = groups.find((group) => group.includes(index)) ?? []
    gate.closeTo(peers.filter((_peer, other) => !own.includes(other)).map(({ serverName }) => serverName))
  }
}

function reunite(): void {
  part(peers.map((_peer, index) => index))
}

describe.each(['1', '6', '10', '12'])('a room of version %s on three servers', (version) => {
  it.each([
    { alone: 0, name: 'the creator, on Hearth' },
    { alone: 1, name: 'another Hearth' },
    { alone: 2, name: 'Synapse' },
  ])('has one state again after $name was cut off', async ({ alone }) => {
    people += 1
    const [creator, ...others] = await Promise.all(peers.map((peer) => peer.register(`user${people}`)))
    const everybody = [creator!, ...others]
    const troublemaker = await peers[(alone + 1) % 3]!.register(`trouble${people}`)
    const admins = everybody.map(({ userId }) => [userId, 100] as const)
    const roomId = await creator!.createRoom({ preset: 'public_chat', room_version: version })
    for (const [index, client] of others.entries()) {
      await joinVia(client, roomId, peers[0]!)
      await untilMembership(creator!, roomId, others[index]!.userId, 'join')
    }
    await joinVia(troublemaker, roomId, peers[0]!)
    const levels = await creator!.get(`${roomPath(roomId)}/state/m.room.power_levels/`)
    const users = { ...(levels['users'] as object), ...Object.fromEntries(admins) } as Record<string, number>
    // From version 12 on creators are above all levels and stand in no list.
    if (version === '12') delete users[creator!.userId]
    const given = await creator!.setState(roomId, 'm.room.power_levels', { ...levels, users })
    for (const client of everybody) {
      await untilSeen(client, roomId, given)
      await untilMembership(client, roomId, troublemaker.userId, 'join')
    }

    const together = peers.map((_peer, index) => index).filter((index) => index !== alone)
    part([alone], together)
    const [one, two] = [everybody[alone]!, everybody[together[0]!]!]
    // Both sides go on, against each other.
    await Promise.all([
      (async () => {
        await one.sendText(roomId, 'is anybody there?')
        await one.setState(roomId, 'm.room.topic', { topic: 'on my own' })
        await one.post(`${roomPath(roomId)}/ban`, { user_id: troublemaker.userId })
        await one.setState(roomId, 'm.room.name', { name: 'One' })
      })(),
      (async () => {
        await troublemaker.sendText(roomId, 'still here')
        await two.setState(roomId, 'm.room.topic', { topic: 'the rest of us' })
        const raised = { ...levels, users: { ...users, [troublemaker.userId]: 50 } }
        await untilSeen(troublemaker, roomId, await two.setState(roomId, 'm.room.power_levels', raised))
        await troublemaker.setState(roomId, 'm.room.name', { name: 'Two' })
        await everybody[together[1]!]!.sendText(roomId, 'hello to the two of us')
      })(),
    ])

    reunite()
    // Contact ends the waiting of those who could not reach a server.
    const greetings = await Promise.all(everybody.map((client, index) => client.sendText(roomId, `back ${index}`)))
    for (const client of everybody) for (const eventId of greetings) await untilSeen(client, roomId, eventId)
    const seen: RoomAsSeen[] = await eventually(
      () => Promise.all(everybody.map((client) => roomAsSeen(client, roomId))),
      (rooms) => rooms.every(({ state }) => isDeepStrictEqual(state, rooms[0]!.state)),
    )
    for (const { state } of seen) expect(state).toEqual(seen[0]!.state)

    // And it goes on from there, the same for all.
    const topic = await creator!.setState(roomId, 'm.room.topic', { topic: 'together' })
    for (const client of everybody) {
      await untilSeen(client, roomId, topic)
      expect(await client.get(`${roomPath(roomId)}/state/m.room.topic/`)).toEqual({ topic: 'together' })
    }
  })
})
