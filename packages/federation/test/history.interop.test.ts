import { roomAsSeen, type TestClient } from '@hearth/test-kit'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { directions, Pair } from './interop/pair.ts'
import { expectAgreement, joinVia, roomPath, untilInvited, untilMembership, untilSeen } from './interop/steps.ts'

// What happened in a room before a server came to it.

let pair: Pair

beforeAll(async () => {
  pair = await Pair.start()
})

afterAll(() => pair[Symbol.asyncDispose]())

async function sendMany(client: TestClient, roomId: string, count: number): Promise<string[]> {
  const ids: string[] = []
  for (let i = 0; i < count; i += 1) ids.push(await client.sendText(roomId, `message ${i}`))
  return ids
}

describe.each(directions)('the history of a room on $from', ({ from, to }) => {
  it.each(['1', '6', '12'])(`is read back to the beginning on ${to}, in version %s`, async (version) => {
    const owner = await pair.register(from, 'owner')
    const guest = await pair.register(to, 'guest')
    const roomId = await owner.createRoom({ preset: 'public_chat', room_version: version })
    const messages = await sendMany(owner, roomId, 120)
    await owner.setState(roomId, 'm.room.topic', { topic: 'before' })
    await joinVia(guest, roomId, pair.at(from))

    await expectAgreement([owner, guest], roomId)
    const { timeline } = await roomAsSeen(guest, roomId)
    expect(Object.keys(timeline)).toEqual(expect.arrayContaining(messages))
    // Synapse gives other events around one that it fetched, from servers of its own kind too.
    if (to !== 'hearth') return
    const context = await guest.get(`${roomPath(roomId)}/context/${encodeURIComponent(messages.at(-5)!)}`, {
      limit: 20,
    })
    const around = (name: string) => (context[name] as { event_id: string }[]).map(({ event_id }) => event_id)
    expect(around('events_before')).toContain(messages.at(-6))
    expect(around('events_after')).toContain(messages.at(-4))
  })

  it(`stays hidden on ${to} from who was not there, when it is for members only`, async () => {
    const owner = await pair.register(from, 'owner')
    const guest = await pair.register(to, 'guest')
    const roomId = await owner.createRoom({
      preset: 'private_chat',
      initial_state: [{ type: 'm.room.history_visibility', state_key: '', content: { history_visibility: 'joined' } }],
    })
    const before = await sendMany(owner, roomId, 5)
    await owner.invite(roomId, guest.userId)
    const meanwhile = await owner.sendText(roomId, 'meanwhile')
    await untilInvited(guest, roomId)
    await guest.join(roomId)
    await untilMembership(owner, roomId, guest.userId, 'join')
    const after = await owner.sendText(roomId, 'after')
    await untilSeen(guest, roomId, after)
    const { timeline } = await roomAsSeen(guest, roomId)
    for (const eventId of [...before, meanwhile]) {
      expect(timeline[eventId]).toBeUndefined()
      const path = `${roomPath(roomId)}/event/${encodeURIComponent(eventId)}`
      expect(await guest.request('GET', path)).toMatchObject({ status: 404 })
    }
    expect(timeline[after]).toBeDefined()
  })
})
