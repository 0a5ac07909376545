import { eventually, type TestClient } from '@hearth/test-kit'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { directions, Pair } from './interop/pair.ts'
import { joinVia, roomPath, untilMembership, untilSeen } from './interop/steps.ts'

// What servers tell each other beside events.

let pair: Pair

beforeAll(async () => {
  pair = await Pair.start()
})

afterAll(() => pair[Symbol.asyncDispose]())

describe.each(directions)('a member on $from', ({ from, to }) => {
  async function meet(): Promise<{ me: TestClient; other: TestClient; roomId: string }> {
    const me = await pair.register(from, 'me')
    const other = await pair.register(to, 'other')
    const roomId = await me.createRoom({ preset: 'public_chat' })
    await joinVia(other, roomId, pair.at(from))
    await untilMembership(me, roomId, other.userId, 'join')
    return { me, other, roomId }
  }

  it(`is seen on ${to} to type, and to stop`, async () => {
    const { me, other, roomId } = await meet()
    const path = `${roomPath(roomId)}/typing/${encodeURIComponent(me.userId)}`
    const typingAt = async (since: string) => {
      const ephemeral = (await other.sync({ since, timeout: 1_000 })).rooms?.join?.[roomId]?.ephemeral?.events ?? []
      return ephemeral.findLast(({ type }) => type === 'm.typing')?.content['user_ids']
    }
    const { next_batch: before } = await other.sync()
    await me.put(path, { typing: true, timeout: 30_000 })
    const typing = await eventually(
      () => typingAt(before),
      (users) => users !== undefined,
    )
    expect(typing).toEqual([me.userId])

    const { next_batch: during } = await other.sync()
    await me.put(path, { typing: false })
    const stopped = await eventually(
      () => typingAt(during),
      (users) => users !== undefined,
    )
    expect(stopped).toEqual([])
  })

  it(`is seen on ${to} to have read, but not what was read privately`, async () => {
    const { me, other, roomId } = await meet()
    const receiptsAt = async () => {
      const ephemeral = (await other.sync()).rooms?.join?.[roomId]?.ephemeral?.events ?? []
      return Object.assign(
        {},
        ...ephemeral.filter(({ type }) => type === 'm.receipt').map(({ content }) => content),
      ) as {
        [eventId: string]: { [kind: string]: Record<string, object> } | undefined
      }
    }
    const read = (kind: string, eventId: string) =>
      me.post(`${roomPath(roomId)}/receipt/${kind}/${encodeURIComponent(eventId)}`, { thread_id: 'main' })

    const first = await other.sendText(roomId, 'read this')
    await untilSeen(me, roomId, first)
    await read('m.read', first)
    const seen = await eventually(receiptsAt, (receipts) => receipts[first]?.['m.read']?.[me.userId] !== undefined)
    expect(seen[first]?.['m.read']?.[me.userId]).toMatchObject({ thread_id: 'main' })

    const second = await other.sendText(roomId, 'read this in private')
    const third = await other.sendText(roomId, 'and this in public')
    await untilSeen(me, roomId, third)
    await read('m.read.private', second)
    await read('m.read', third)
    const later = await eventually(receiptsAt, (receipts) => receipts[third]?.['m.read']?.[me.userId] !== undefined)
    expect(later[third]?.['m.read']?.[me.userId]).toBeDefined()
    expect(later[second]).toBeUndefined()
  })

  it(`is seen on ${to} to be there, with a status`, async () => {
    const { me, other } = await meet()
    const path = `presence/${encodeURIComponent(me.userId)}/status`
    await me.put(path, { presence: 'online', status_msg: 'at work' })
    const seen = await eventually(
      () => other.get(path),
      ({ status_msg }) => status_msg === 'at work',
    )
    expect(seen).toMatchObject({ presence: 'online', status_msg: 'at work' })
    await me.put(path, { presence: 'unavailable', status_msg: 'at lunch' })
    const later = await eventually(
      () => other.get(path),
      ({ status_msg }) => status_msg === 'at lunch',
    )
    expect(later).toMatchObject({ presence: 'unavailable', status_msg: 'at lunch' })
  })

  it(`sends to devices on ${to}`, async () => {
    const { me, other } = await meet()
    const content = { greeting: `from ${from}` }
    await me.put(`sendToDevice/org.example.test/once`, { messages: { [other.userId]: { [other.deviceId]: content } } })
    const received = await eventually(
      async () => (await other.sync()).to_device?.events ?? [],
      (events) => events.length > 0,
    )
    expect(received).toMatchObject([{ type: 'org.example.test', sender: me.userId, content }])
  })
})
