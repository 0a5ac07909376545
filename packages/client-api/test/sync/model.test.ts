import { TestServer, type TestClient } from '@hearth/test-kit'
import { describe, expect, it } from 'vitest'
import { ModelDevice, type DeviceOptions } from './model-device.ts'

/** A small generator of pseudo-random numbers (mulberry32): the same seed gives the same run. */
function randomFrom(seed: number): (below: number) => number {
  let state = seed >>> 0
  return (below) => {
    state = (state + 0x6d2b79f5) >>> 0
    let mixed = Math.imul(state ^ (state >>> 15), state | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return ((mixed ^ (mixed >>> 14)) >>> 0) % below
  }
}

const deviceOptions: readonly DeviceOptions[] = [
  { filter: {}, stateAfter: false },
  { filter: { room: { timeline: { limit: 2 } } }, stateAfter: false },
  { filter: { room: { timeline: { limit: 1 } } }, stateAfter: true },
  {
    filter: { room: { timeline: { limit: 4, lazy_load_members: true }, state: { lazy_load_members: true } } },
    stateAfter: false,
  },
]

interface Member {
  client: TestClient
  readonly name: string
  readonly devices: ModelDevice[]
}

/** The events of a room in the order that somebody sees who was there all the time. */
async function truthOf(observer: TestClient, roomId: string): Promise<{ ids: string[]; leaves: Map<string, number> }> {
  const ids: string[] = []
  const leaves = new Map<string, number>()
  for (let from: string | undefined, more = true; more;) {
    const page = (await observer.get(`rooms/${encodeURIComponent(roomId)}/messages`, {
      dir: 'f',
      limit: 100,
      from,
    })) as unknown as {
      chunk: { event_id: string; type: string; state_key?: string; content: { membership?: string } }[]
      end?: string
    }
    for (const event of page.chunk) {
      ids.push(event.event_id)
      if (event.type !== 'm.room.member') continue
      if (event.content.membership === 'leave') leaves.set(event.state_key!, ids.length)
      else leaves.delete(event.state_key!)
    }
    from = page.end
    more = from !== undefined && page.chunk.length > 0
  }
  return { ids, leaves }
}

describe('what clients collect by /sync', () => {
  it.each([1, 2, 3, 4])(
    'is the truth of the rooms, whatever happens meanwhile (seed %i)',
    async (seed) => {
      const random = randomFrom(seed)
      await using first = await TestServer.start()
      await using second = await TestServer.start({ database: first.database })
      const observer = await first.register('observer')
      const members: Member[] = []
      for (let n = 0; n < 3; n += 1) {
        const name = `user${n}`
        const client = await first.register(name)
        const devices: ModelDevice[] = []
        for (const options of deviceOptions) {
          devices.push(new ModelDevice(await first.anonymous.logIn(name, `${name}'s password`), options))
        }
        members.push({ client, name, devices })
      }
      const rooms: string[] = []
      for (let n = 0; n < 3; n += 1) rooms.push(await observer.createRoom({ preset: 'public_chat' }))

      // Requests that the room's rules refuse (to speak where one is not, to leave twice) are part of the game.
      const act = async (): Promise<void> => {
        const member = members[random(members.length)]!
        const room = `rooms/${encodeURIComponent(rooms[random(rooms.length)]!)}`
        const through = random(3) === 0 ? member.client.at(second.url) : member.client
        const dice = random(20)
        if (dice < 9) {
          await through.request('PUT', `${room}/send/m.room.message/${random(2 ** 31)}`, {
            body: { msgtype: 'm.text', body: 'x' },
          })
        } else if (dice < 11) {
          await observer.request('PUT', `${room}/state/m.room.topic`, { body: { topic: String(random(2 ** 31)) } })
        } else if (dice < 14) await through.request('POST', `${room}/join`, { body: {} })
        else if (dice < 15) await through.request('POST', `${room}/leave`, { body: {} })
        else if (dice < 16) await observer.request('POST', `${room}/kick`, { body: { user_id: member.client.userId } })
        else {
          const device = member.devices[random(member.devices.length)]!
          await device.sync()
        }
      }
      for (let step = 0; step < 150; step += 1) {
        if (step === 75) await first.restart()
        await Promise.all(Array.from({ length: 1 + random(3) }, (_, n) => (n === 0 ? act() : sendSomething())))
      }
      async function sendSomething(): Promise<void> {
        await observer.sendText(rooms[random(rooms.length)]!, 'noise')
      }

      for (const member of members) for (const device of member.devices) await device.sync()
      for (const roomId of rooms) {
        const truth = await truthOf(observer, roomId)
        for (const { client, name, devices } of members) {
          const leftAt = truth.leaves.get(client.userId)
          for (const [index, device] of devices.entries()) {
            const label = `seed ${seed}, ${name}, device ${index}, room ${rooms.indexOf(roomId)}`
            const collected = device.rooms.get(roomId)
            if (collected) expect(collected.timeline, label).toEqual(truth.ids.slice(0, leftAt))
            const isJoined = ((await client.get('joined_rooms'))['joined_rooms'] as string[]).includes(roomId)
            expect(collected !== undefined || !isJoined, label).toBe(true)
            if (!isJoined || index === 3) continue
            const { text } = await client.request('GET', `rooms/${encodeURIComponent(roomId)}/state`)
            const state = (JSON.parse(text) as { type: string; state_key: string; event_id: string }[]).map(
              ({ type, state_key: key, event_id: id }) => [`${type}|${key}`, id] as const,
            )
            expect(new Map([...collected!.state].sort()), `${label}: state`).toEqual(new Map([...state].sort()))
          }
        }
      }
      for (const { devices } of members) {
        for (const { tokens } of devices) expect(tokens).toEqual(tokens.toSorted((a, b) => a - b))
      }
    },
    // Thousands of requests one after the other: machines may be slow.
    300_000,
  )
})
