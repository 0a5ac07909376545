import {
  checkDatabase,
  PeerServers,
  type HearthProcessPeer,
  type SynapseServer,
  type TestClient,
} from '@hearth/test-kit'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { expectAgreement, joinVia, roomPath, tryToJoin, untilMembership, untilSeen } from './interop/steps.ts'

// Servers that end when nobody expects it.

let servers: PeerServers
let hearth: HearthProcessPeer
let synapse: SynapseServer

beforeAll(async () => {
  servers = await PeerServers.create()
  ;[hearth, synapse] = await Promise.all([servers.hearthProcess(), servers.synapse()])
})

afterAll(() => servers[Symbol.asyncDispose]())

async function sendMany(client: TestClient, roomId: string, count: number): Promise<string[]> {
  const ids: string[] = []
  for (let i = 0; i < count; i += 1) ids.push(await client.sendText(roomId, `message ${i}`))
  return ids
}

/** Nothing that a stored room has contradicts something else. */
async function expectSoundDatabase(): Promise<void> {
  expect((await checkDatabase({ url: hearth.server.databaseUrl, serverName: hearth.serverName })).problems).toEqual([])
}

describe('Synapse, killed', () => {
  it('is told everything that it missed, in order', async () => {
    const owner = await hearth.register('owner')
    const guest = await synapse.register('guest')
    const kicked = await synapse.register('kicked')
    const rooms = [await owner.createRoom({ preset: 'public_chat' }), await owner.createRoom({ preset: 'public_chat' })]
    for (const roomId of rooms) {
      for (const client of [guest, kicked]) await joinVia(client, roomId, hearth)
    }

    await synapse.kill()
    const sent = [await sendMany(owner, rooms[0]!, 120), await sendMany(owner, rooms[1]!, 3)]
    await owner.setState(rooms[0]!, 'm.room.topic', { topic: 'while you were away' })
    await owner.post(`${roomPath(rooms[0]!)}/kick`, { user_id: kicked.userId })
    await sleep(3_000)
    await synapse.launch()
    // A server that is heard of again is not waited for any longer.
    await guest.sendText(rooms[1]!, 'I am back')
    for (const [index, roomId] of rooms.entries()) {
      await untilSeen(guest, roomId, sent[index]!.at(-1)!)
      await expectAgreement([owner, guest], roomId)
    }
    await untilMembership(guest, rooms[0]!, kicked.userId, 'leave')
  })
})

describe('Hearth, killed with -9', () => {
  it('is told everything that it missed', async () => {
    const owner = await synapse.register('talker')
    const guest = await hearth.register('listener')
    const roomId = await owner.createRoom({ preset: 'public_chat' })
    await joinVia(guest, roomId, synapse)
    await hearth.server.kill()
    const sent = await sendMany(owner, roomId, 40)
    await hearth.server.launch()
    await untilSeen(guest, roomId, await owner.sendText(roomId, 'are you there?'))
    await untilSeen(guest, roomId, sent.at(-1)!)
    await expectAgreement([owner, guest], roomId)
    await expectSoundDatabase()
  })

  it('loses nothing of the transactions it was taking, and has nothing twice', async () => {
    const owner = await synapse.register('flooder')
    const guest = await hearth.register('flooded')
    const roomId = await owner.createRoom({ preset: 'public_chat' })
    await joinVia(guest, roomId, synapse)
    for (let round = 0; round < 2; round += 1) {
      const flood = Promise.all([sendMany(owner, roomId, 15), sendMany(owner, roomId, 15)])
      await sleep(200 + 150 * round)
      await hearth.server.kill()
      await hearth.server.launch()
      const ids = (await flood).flat()
      await untilSeen(guest, roomId, await owner.sendText(roomId, 'done'))
      for (const eventId of ids) await untilSeen(guest, roomId, eventId)
    }
    await expectAgreement([owner, guest], roomId)
    await expectSoundDatabase()
  })

  it('joins a room in the end, wherever it was cut off', async () => {
    const owner = await synapse.register('host')
    const guest = await hearth.register('visitor')
    for (const afterMs of [100, 400]) {
      const roomId = await owner.createRoom({
        preset: 'public_chat',
        initial_state: Array.from({ length: 100 }, (_none, index) => ({
          type: 'org.example.filler',
          state_key: `${index}`,
          content: { index },
        })),
      })
      const joining = tryToJoin(guest, roomId, synapse).catch(() => undefined)
      await sleep(afterMs)
      await hearth.server.kill()
      await joining
      await hearth.server.launch()
      await joinVia(guest, roomId, synapse)
      await untilMembership(owner, roomId, guest.userId, 'join')
      await untilSeen(owner, roomId, await guest.sendText(roomId, 'made it'))
      await expectAgreement([owner, guest], roomId)
    }
    await expectSoundDatabase()
  })
})
