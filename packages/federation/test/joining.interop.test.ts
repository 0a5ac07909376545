import { eventually } from '@hearth/test-kit'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { directions, Pair } from './interop/pair.ts'
import {
  expectAgreement,
  joinVia,
  roomPath,
  tryToJoin,
  untilInvited,
  untilMembership,
  untilSeen,
} from './interop/steps.ts'

// The ways into a room of another server.

let pair: Pair

beforeAll(async () => {
  pair = await Pair.start()
})

afterAll(() => pair[Symbol.asyncDispose]())

describe.each(directions)('a room on $from', ({ from, to }) => {
  it(`is joined by its alias from ${to}`, async () => {
    const owner = await pair.register(from, 'owner')
    const guest = await pair.register(to, 'guest')
    const name = `alias-${from}`
    const roomId = await owner.createRoom({ preset: 'public_chat', room_alias_name: name })
    const answer = await guest.post(`join/${encodeURIComponent(`#${name}:${pair.at(from).serverName}`)}`)
    expect(answer).toEqual({ room_id: roomId })
    await untilMembership(owner, roomId, guest.userId, 'join')
    await untilSeen(owner, roomId, await guest.sendText(roomId, 'found it'))
    await expectAgreement([owner, guest], roomId)
  })

  it(`is joined by two of ${to} at once, left by both, and joined again after it changed`, async () => {
    const owner = await pair.register(from, 'owner')
    const guests = await Promise.all([pair.register(to, 'one'), pair.register(to, 'two')])
    const roomId = await owner.createRoom({ preset: 'public_chat' })
    await Promise.all(guests.map((guest) => joinVia(guest, roomId, pair.at(from))))
    for (const { userId } of guests) await untilMembership(owner, roomId, userId, 'join')
    await expectAgreement([owner, ...guests], roomId)

    await Promise.all(guests.map((guest) => guest.leave(roomId)))
    for (const { userId } of guests) await untilMembership(owner, roomId, userId, 'leave')
    await owner.setState(roomId, 'm.room.topic', { topic: 'nobody over there hears this' })
    await owner.sendText(roomId, 'nor that')
    await owner.setState(roomId, 'm.room.name', { name: 'Changed' })

    for (const guest of guests) await joinVia(guest, roomId, pair.at(from))
    for (const { userId } of guests) await untilMembership(owner, roomId, userId, 'join')
    await untilSeen(owner, roomId, await guests[0].sendText(roomId, 'back'))
    await expectAgreement([owner, ...guests], roomId)
  })

  it(`is closed to ${to} when it is private, or is not there`, async () => {
    const owner = await pair.register(from, 'owner')
    const guest = await pair.register(to, 'guest')
    const roomId = await owner.createRoom({ preset: 'private_chat' })
    const refused = await tryToJoin(guest, roomId, pair.at(from))
    expect(refused).toMatchObject({ status: 403, body: { errcode: 'M_FORBIDDEN' } })
    const absent = await tryToJoin(guest, `!absent:${pair.at(from).serverName}`, pair.at(from))
    // Synapse says of each refusal of a peer that it is a bad gateway.
    expect(absent).toMatchObject({ status: to === 'synapse' ? 502 : 404 })
    const alias = `#absent:${pair.at(from).serverName}`
    expect(await tryToJoin(guest, alias, pair.at(from))).toMatchObject({
      status: 404,
      body: { errcode: 'M_NOT_FOUND' },
    })
  })

  it.each(['7', '10', '12'])(`is knocked on from ${to}, in version %s`, async (version) => {
    const owner = await pair.register(from, 'owner')
    const guest = await pair.register(to, 'guest')
    const roomId = await owner.createRoom({
      room_version: version,
      name: 'Knock here',
      initial_state: [{ type: 'm.room.join_rules', state_key: '', content: { join_rule: 'knock' } }],
    })
    const query = { via: pair.at(from).serverName, server_name: pair.at(from).serverName }
    const knock = (reason: string) =>
      guest.expect('POST', `knock/${encodeURIComponent(roomId)}`, { query, body: { reason } })

    // Knocked, and given up. Synapse tells only its own user.
    if (to === 'hearth') {
      await knock('never mind')
      await untilMembership(owner, roomId, guest.userId, 'knock')
      await guest.leave(roomId)
      await untilMembership(owner, roomId, guest.userId, 'leave')
    }

    // Knocked, and let in.
    expect(await knock('hello?')).toEqual({ room_id: roomId })
    await untilMembership(owner, roomId, guest.userId, 'knock')
    const shown = await eventually(
      async () => (await guest.sync()).rooms?.knock?.[roomId]?.knock_state.events,
      (events) => events !== undefined,
    )
    expect(shown).toContainEqual(expect.objectContaining({ type: 'm.room.name', content: { name: 'Knock here' } }))
    await owner.invite(roomId, guest.userId)
    await untilInvited(guest, roomId)
    await guest.join(roomId)
    await untilMembership(owner, roomId, guest.userId, 'join')
    await expectAgreement([owner, guest], roomId)
  })

  it.each([
    { version: '8', rule: 'restricted' },
    { version: '10', rule: 'knock_restricted' },
    { version: '12', rule: 'restricted' },
  ])(`is open to members of a space from ${to}, in version $version`, async ({ version, rule }) => {
    const owner = await pair.register(from, 'owner')
    const [member, neighbour, outsider] = await Promise.all(
      ['member', 'neighbour', 'outsider'].map((name) => pair.register(to, name)),
    )
    const space = await owner.createRoom({ preset: 'public_chat', creation_content: { type: 'm.space' } })
    const roomId = await owner.createRoom({
      room_version: version,
      initial_state: [
        {
          type: 'm.room.join_rules',
          state_key: '',
          content: { join_rule: rule, allow: [{ type: 'm.room_membership', room_id: space }] },
        },
      ],
    })
    expect(await tryToJoin(outsider!, roomId, pair.at(from))).toMatchObject({ status: 403 })

    await joinVia(member!, space, pair.at(from))
    await untilMembership(owner, space, member!.userId, 'join')
    await joinVia(member!, roomId, pair.at(from))
    await untilMembership(owner, roomId, member!.userId, 'join')
    const joined = await owner.get(`${roomPath(roomId)}/state/m.room.member/${encodeURIComponent(member!.userId)}`)
    expect(joined['join_authorised_via_users_server']).toBe(owner.userId)

    // The server is in the room now, but nobody of it may invite.
    await joinVia(neighbour!, space, pair.at(from))
    await untilMembership(owner, space, neighbour!.userId, 'join')
    await joinVia(neighbour!, roomId, pair.at(from))
    await untilMembership(owner, roomId, neighbour!.userId, 'join')
    expect(await tryToJoin(outsider!, roomId, pair.at(from))).toMatchObject({ status: 403 })
    await expectAgreement([owner, member!, neighbour!], roomId)
  })
})
