import type { JsonObject } from '@hearth/protocol'
import { TestServer } from '@hearth/test-kit'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { FoundingClient, roomPath } from './founding-client.ts'

const forbidden = { status: 403, body: { errcode: 'M_FORBIDDEN' } }

describe('power levels of the founding API', () => {
  let server: TestServer
  let alice: FoundingClient
  let bob: FoundingClient
  let carol: FoundingClient
  let roomId: string

  beforeAll(async () => {
    server = await TestServer.start()
    alice = await FoundingClient.register(server, 'alice')
    bob = await FoundingClient.register(server, 'bob')
    carol = await FoundingClient.register(server, 'carol')
  })
  afterAll(() => server.stop())
  beforeEach(async () => {
    roomId = await alice.createRoom({ visibility: 'public' })
    await bob.join(roomId)
    await carol.join(roomId)
  })

  /** Sets the levels of Bob and Carol. */
  const levels = (client: FoundingClient, own: { bob?: number; carol?: number }, rest: JsonObject = {}) =>
    client.setState(roomId, 'm.room.power_levels', {
      [alice.userId]: 100,
      ...(own.bob !== undefined && { [bob.userId]: own.bob }),
      ...(own.carol !== undefined && { [carol.userId]: own.carol }),
      default: 0,
      ...rest,
    })
  const today = (path: string) =>
    server.anonymous.expect('GET', path, { headers: { authorization: `Bearer ${alice.accessToken}` } })

  it('[C-068] [C-070] changing the room takes a level, which a member does not have and can be given', async () => {
    expect(await bob.setState(roomId, 'm.room.name', { name: 'x' })).toMatchObject(forbidden)
    expect(await levels(alice, { bob: 50 })).toMatchObject({ status: 200 })
    expect(await bob.setState(roomId, 'm.room.name', { name: 'x' })).toMatchObject({ status: 200 })
  })

  it('[C-069] [M-18] has flat power levels, which clients of today see nested', async () => {
    const flat = { [alice.userId]: 100, [bob.userId]: 50, default: 0 }
    const answer = await alice.setState(roomId, 'm.room.power_levels', flat)
    expect(answer.body).toEqual({ event_id: expect.stringMatching(/^\$/) as unknown })
    expect(await alice.state(roomId, 'm.room.power_levels')).toEqual(flat)
    expect(await alice.stateEvent(roomId, 'm.room.power_levels')).toMatchObject({ content: flat })
    const nested = await today(roomPath(roomId, 'state', 'm.room.power_levels'))
    // The room is of version 12, in which the creator's power has no number.
    expect(nested).toMatchObject({ users: { [bob.userId]: 50 }, users_default: 0, ban: 50, state_default: 50 })
  })

  it('[C-069] keeps what flat power levels have no words for', async () => {
    await alice.setState(roomId, 'm.room.ops_levels', { ban_level: 60, kick_level: 40, redact_level: 30 })
    const before = await today(roomPath(roomId, 'state', 'm.room.power_levels'))
    await levels(alice, { bob: 20 }, { default: 10 })
    const after = await today(roomPath(roomId, 'state', 'm.room.power_levels'))
    expect(after).toEqual({ ...before, users: { [bob.userId]: 20 }, users_default: 10 })
  })

  it('[C-069] refuses power levels that are none', async () => {
    for (const content of [{ [bob.userId]: 'high' }, { [bob.userId]: 1.5 }, { bob: 50 }, { default: null }]) {
      expect(await alice.setState(roomId, 'm.room.power_levels', content)).toMatchObject({ status: 400 })
    }
  })

  it('[C-071] nobody grants more than they have, or takes from those above', async () => {
    await levels(alice, { bob: 50 })
    expect(await levels(bob, { bob: 50, carol: 50 })).toMatchObject({ status: 200 })
    expect(await levels(bob, { bob: 50, carol: 60 })).toMatchObject(forbidden)
    expect(await levels(bob, { bob: 50, carol: 50 }, { [alice.userId]: 10 })).toMatchObject(forbidden)
    expect(await levels(carol, { bob: 0, carol: 50 })).toMatchObject(forbidden)
  })

  it('[C-072] a level holds for those who are not in the room, and while they come and go', async () => {
    const dora = await FoundingClient.register(server, 'dora')
    await levels(alice, {}, { [dora.userId]: 50 })
    await dora.join(roomId)
    expect((await dora.setState(roomId, 'm.room.name', { name: '1' })).status).toBe(200)
    await dora.post(roomPath(roomId, 'leave'))
    await dora.join(roomId)
    expect((await dora.setState(roomId, 'm.room.name', { name: '2' })).status).toBe(200)
  })

  it('[C-073] [E-004] [X-11] lets changing state take the level that required_power_level names', async () => {
    await levels(alice, { bob: 50 })
    const set = await alice.setState(roomId, 'com.example.rules', { text: 'be kind', required_power_level: 60 })
    expect(set).toMatchObject({ status: 200 })
    expect(await alice.state(roomId, 'com.example.rules')).toEqual({ text: 'be kind' })
    expect(await bob.stateEvent(roomId, 'com.example.rules')).toMatchObject({ required_power_level: 60 })
    expect(await bob.setState(roomId, 'com.example.rules', { text: 'be rude' })).toMatchObject(forbidden)
    expect(await alice.setState(roomId, 'com.example.rules', { text: 'be kinder' })).toMatchObject({ status: 200 })
  })

  it('[C-073] [X-39] lets nobody set a level above their own, and nothing is changed by the attempt', async () => {
    await levels(alice, { bob: 50 })
    const set = await bob.setState(roomId, 'com.example.rules', { text: 'x', required_power_level: 60 })
    expect(set).toMatchObject(forbidden)
    expect(await bob.request('GET', roomPath(roomId, 'state', 'com.example.rules'))).toMatchObject({ status: 404 })
    expect(await alice.setState(roomId, 'a.b', { required_power_level: 'x' })).toMatchObject({ status: 400 })
  })

  it('[C-073] changes the level of state that stays as it is', async () => {
    await levels(alice, { bob: 50 })
    await alice.setState(roomId, 'm.room.name', { name: 'Same' })
    expect(await alice.setState(roomId, 'm.room.name', { name: 'Same', required_power_level: 70 })).toMatchObject({
      status: 200,
    })
    expect(await bob.setState(roomId, 'm.room.name', { name: 'Other' })).toMatchObject(forbidden)
    const name = await alice.stateEvent(roomId, 'm.room.name')
    expect(name).toMatchObject({ content: { name: 'Same' }, required_power_level: 70 })
    const again = await alice.setState(roomId, 'm.room.name', { name: 'Same', required_power_level: 70 })
    expect(again.body).toEqual({ event_id: name!.event_id })
  })

  it('[C-074] who has left may change nothing, whatever their level', async () => {
    await levels(alice, { bob: 100 })
    await bob.post(roomPath(roomId, 'leave'))
    expect(await bob.setState(roomId, 'm.room.name', { name: 'x' })).toMatchObject(forbidden)
    expect(await bob.setState(roomId, 'm.room.add_state_level', { level: 0 })).toMatchObject(forbidden)
  })

  it('[C-075] [X-03] [M-20] [E-013] m.room.send_event_level says what sending takes, 50 when it does not', async () => {
    await levels(alice, { bob: 50 })
    const send = (client: FoundingClient) =>
      client.status('POST', roomPath(roomId, 'send', 'm.room.message'), { msgtype: 'm.text', body: 'x' })
    expect(await send(carol)).toBe(200)
    expect(await alice.setState(roomId, 'm.room.send_event_level', { level: 60 })).toMatchObject({ status: 200 })
    expect(await alice.state(roomId, 'm.room.send_event_level')).toEqual({ level: 60 })
    expect([await send(bob), await send(alice)]).toEqual([403, 200])
    expect(await alice.setState(roomId, 'm.room.send_event_level', {})).toMatchObject({ status: 200 })
    expect(await alice.state(roomId, 'm.room.send_event_level')).toEqual({ level: 50 })
    expect([await send(carol), await send(bob)]).toEqual([403, 200])
    expect(await carol.setState(roomId, 'm.room.send_event_level', { level: 0 })).toMatchObject(forbidden)
    expect(await alice.setState(roomId, 'm.room.send_event_level', { level: '0' })).toMatchObject({ status: 400 })
  })

  it('[C-076] [M-19] [X-39] m.room.add_state_level says what new state takes; what is there can take less', async () => {
    await levels(alice, { bob: 40 })
    await alice.setState(roomId, 'com.example.board', { text: '1', required_power_level: 40 })
    expect(await bob.setState(roomId, 'com.example.new', { text: '1' })).toMatchObject(forbidden)
    expect(await bob.setState(roomId, 'com.example.board', { text: '2' })).toMatchObject({ status: 200 })
    await alice.setState(roomId, 'm.room.add_state_level', { level: 40 })
    expect(await bob.setState(roomId, 'com.example.new', { text: '1' })).toMatchObject({ status: 200 })
    await alice.setState(roomId, 'm.room.add_state_level', {})
    expect(await alice.state(roomId, 'm.room.add_state_level')).toEqual({ level: 50 })
  })

  it('[C-077] [X-04] [M-21] [E-013] m.room.ops_levels says what banning, kicking and redacting take', async () => {
    const act = (client: FoundingClient, action: string) =>
      client.status('POST', roomPath(roomId, action), { user_id: carol.userId })
    await levels(alice, { bob: 49 })
    expect([await act(bob, 'kick'), await act(bob, 'ban')]).toEqual([403, 403])
    await levels(alice, { bob: 50 })
    expect([await act(bob, 'kick'), await act(bob, 'ban')]).toEqual([200, 200])
    expect(await alice.setState(roomId, 'm.room.ops_level', { kick_level: 60 })).toMatchObject({ status: 200 })
    expect(await alice.state(roomId, 'm.room.ops_levels')).toEqual({ kick_level: 60, ban_level: 50, redact_level: 50 })
    await act(alice, 'unban')
    await carol.join(roomId)
    expect([await act(bob, 'kick'), await act(bob, 'ban')]).toEqual([403, 200])
  })

  it('shows and tells level events that are derived, by ids of their own', async () => {
    const from = await alice.now()
    await alice.setState(roomId, 'm.room.send_event_level', { level: 20 })
    const { chunk } = await bob.events({ from })
    expect(chunk.map(({ type }) => type)).toEqual(['m.room.power_levels', 'm.room.send_event_level'])
    const event = chunk[1]!
    expect(event).toMatchObject({ content: { level: 20 }, prev_content: { level: 0 }, state_key: '' })
    expect(await bob.stateEvent(roomId, 'm.room.send_event_level')).toMatchObject({ event_id: event.event_id })
    for (const path of [`events/${encodeURIComponent(event.event_id)}`, roomPath(roomId, 'event', event.event_id)]) {
      expect(await bob.get(path)).toMatchObject({ event_id: event.event_id, content: { level: 20 } })
    }
    const other = await alice.sendText(roomId, 'no levels')
    expect(await bob.status('GET', `events/${encodeURIComponent(`$m.room.ops_levels.${other.slice(1)}`)}`)).toBe(404)
  })

  it('changes levels one after the other when they come at once', async () => {
    const answers = await Promise.all([
      alice.setState(roomId, 'm.room.send_event_level', { level: 1 }),
      alice.setState(roomId, 'm.room.add_state_level', { level: 2 }),
      alice.setState(roomId, 'm.room.ops_levels', { ban_level: 3, kick_level: 4, redact_level: 5 }),
      levels(alice, { bob: 6 }),
    ])
    expect(answers.map(({ status }) => status)).toEqual([200, 200, 200, 200])
    expect(await today(roomPath(roomId, 'state', 'm.room.power_levels'))).toMatchObject({
      ...{ events_default: 1, state_default: 2, ban: 3, kick: 4, redact: 5, users: { [bob.userId]: 6 } },
    })
  })
})

describe('power levels of rooms of other versions through the founding API', () => {
  it.each(['1', '9', '11', '12'])('[C-053] [C-069] version %s', async (version) => {
    await using server = await TestServer.start({ settings: { HEARTH_ROOMS_DEFAULT_VERSION: version } })
    const alice = await FoundingClient.register(server, 'alice')
    const roomId = await alice.createRoom()
    const flat = { [alice.userId]: 100, default: 0 }
    expect(await alice.state(roomId, 'm.room.power_levels')).toEqual(flat)
    expect(await alice.state(roomId, 'm.room.create')).toMatchObject({ creator: alice.userId })
    const changed = { ...flat, '@somebody:hearth.test': 50 }
    expect((await alice.setState(roomId, 'm.room.power_levels', changed)).status).toBe(200)
    expect(await alice.state(roomId, 'm.room.power_levels')).toEqual(changed)
  })
})
