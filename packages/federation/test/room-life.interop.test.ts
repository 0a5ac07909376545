import { eventually } from '@hearth/test-kit'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { directions, Pair } from './interop/pair.ts'
import {
  expectAgreement,
  roomPath,
  tryToJoin,
  untilInvited,
  untilLeft,
  untilMembership,
  untilSeen,
} from './interop/steps.ts'

// What members of a private room do, on one server and another, in every room version that both know.

const roomVersions = ['1', '2', '3', '4', '5', '6', '7', '8', '9', '10', '11', '12']

let pair: Pair

beforeAll(async () => {
  pair = await Pair.start()
})

afterAll(() => pair[Symbol.asyncDispose]())

describe.each(roomVersions)('a private room of version %s', (version) => {
  it.each(directions)('created on $from, with a guest on $to', async ({ from, to }) => {
    const owner = await pair.register(from, 'owner')
    const guest = await pair.register(to, 'guest')
    const roomId = await owner.createRoom({ room_version: version, preset: 'private_chat', name: 'Both sides' })
    const path = roomPath(roomId)

    // Invited, with something to recognize the room by.
    await owner.invite(roomId, guest.userId)
    const shown = await untilInvited(guest, roomId)
    expect(shown).toContainEqual(expect.objectContaining({ type: 'm.room.name', content: { name: 'Both sides' } }))
    await guest.join(roomId)
    await untilMembership(owner, roomId, guest.userId, 'join')
    await expectAgreement([owner, guest], roomId)

    // Messages both ways, at once.
    const [hello, answer] = await Promise.all([owner.sendText(roomId, 'hello'), guest.sendText(roomId, 'hello back')])
    await Promise.all([untilSeen(guest, roomId, hello), untilSeen(owner, roomId, answer)])
    await expectAgreement([owner, guest], roomId)

    // State from the guest, who is given the power for it.
    expect((await guest.request('PUT', `${path}/state/m.room.topic/`, { body: { topic: 'no' } })).status).toBe(403)
    const levels = await owner.get(`${path}/state/m.room.power_levels/`)
    const given = { ...levels, users: { ...(levels['users'] as object), [guest.userId]: 50 } }
    await untilSeen(guest, roomId, await owner.setState(roomId, 'm.room.power_levels', given))
    await untilSeen(owner, roomId, await guest.setState(roomId, 'm.room.topic', { topic: 'from the guest' }))
    await expectAgreement([owner, guest], roomId)

    // Redactions: of one's own, and of somebody else's on the other server.
    await owner.put(`${path}/redact/${encodeURIComponent(answer)}/tidying`, { reason: 'tidying' })
    const regretted = await guest.sendText(roomId, 'regretted')
    await guest.put(`${path}/redact/${encodeURIComponent(regretted)}/regret`)
    for (const [client, eventId] of [
      [guest, answer],
      [owner, regretted],
    ] as const) {
      const redacted = await eventually(
        () => untilSeen(client, roomId, eventId),
        ({ content }) => Object.keys(content).length === 0,
      )
      expect(redacted.content).toEqual({})
    }
    await expectAgreement([owner, guest], roomId)

    // Kicked: the guest's server learns it although nobody of it is in the room any more.
    const { next_batch: beforeKick } = await guest.sync()
    await owner.post(`${path}/kick`, { user_id: guest.userId, reason: 'see you' })
    expect(await untilLeft(guest, roomId, beforeKick)).toMatchObject({
      type: 'm.room.member',
      sender: owner.userId,
      state_key: guest.userId,
      content: { membership: 'leave', reason: 'see you' },
    })
    expect((await tryToJoin(guest, roomId, pair.at(from))).status).toBe(403)

    // Back again, while nobody told the server what happened meanwhile.
    await owner.setState(roomId, 'm.room.topic', { topic: 'while the guest was away' })
    await owner.invite(roomId, guest.userId)
    await untilInvited(guest, roomId)
    await guest.join(roomId)
    await untilMembership(owner, roomId, guest.userId, 'join')
    await expectAgreement([owner, guest], roomId)

    // Left, invited and declined.
    await guest.leave(roomId)
    await untilMembership(owner, roomId, guest.userId, 'leave')
    await owner.invite(roomId, guest.userId)
    await untilInvited(guest, roomId)
    await guest.leave(roomId)
    await untilMembership(owner, roomId, guest.userId, 'leave')

    // Banned while outside, and while inside.
    await owner.post(`${path}/ban`, { user_id: guest.userId })
    expect(
      (await guest.request('POST', `join/${encodeURIComponent(roomId)}`, { query: { via: pair.at(from).serverName } }))
        .status,
    ).toBe(403)
    await owner.post(`${path}/unban`, { user_id: guest.userId })
    await owner.invite(roomId, guest.userId)
    await untilInvited(guest, roomId)
    await guest.join(roomId)
    const { next_batch: beforeBan } = await guest.sync()
    await owner.post(`${path}/ban`, { user_id: guest.userId })
    expect(await untilLeft(guest, roomId, beforeBan)).toMatchObject({
      sender: owner.userId,
      state_key: guest.userId,
      content: { membership: 'ban' },
    })
  })
})
