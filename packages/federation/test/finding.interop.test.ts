import { eventually } from '@hearth/test-kit'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { directions, Pair } from './interop/pair.ts'
import { expectAgreement, joinVia, roomPath, untilMembership, untilSeen } from './interop/steps.ts'

// What a server's users find out about rooms and people of another one.

let pair: Pair

beforeAll(async () => {
  pair = await Pair.start()
})

afterAll(() => pair[Symbol.asyncDispose]())

describe.each(directions)('from $to, looking at $from', ({ from, to }) => {
  it('resolves aliases', async () => {
    const { serverName } = pair.at(from)
    const owner = await pair.register(from, 'owner')
    const seeker = await pair.register(to, 'seeker')
    const roomId = await owner.createRoom({ room_alias_name: `found-${from}` })
    const path = `directory/room/${encodeURIComponent(`#found-${from}:${serverName}`)}`
    expect(await seeker.get(path)).toEqual({ room_id: roomId, servers: [serverName] })
    const absent = `directory/room/${encodeURIComponent(`#absent:${serverName}`)}`
    expect(await seeker.request('GET', absent)).toMatchObject({ status: 404, body: { errcode: 'M_NOT_FOUND' } })
  })

  it('reads profiles, and hears of changes in rooms', async () => {
    const owner = await pair.register(from, 'owner')
    const seeker = await pair.register(to, 'seeker')
    const path = `profile/${encodeURIComponent(owner.userId)}`
    await owner.put(`${path}/displayname`, { displayname: 'Olga' })
    expect(await seeker.get(`${path}/displayname`)).toEqual({ displayname: 'Olga' })
    expect(await seeker.get(path)).toMatchObject({ displayname: 'Olga' })
    const absent = encodeURIComponent(`@absent:${pair.at(from).serverName}`)
    expect(await seeker.request('GET', `profile/${absent}`)).toMatchObject({ status: 404 })

    const roomId = await owner.createRoom({ preset: 'public_chat' })
    await joinVia(seeker, roomId, pair.at(from))
    await untilMembership(owner, roomId, seeker.userId, 'join')
    await owner.put(`${path}/displayname`, { displayname: 'Olga II' })
    await seeker.put(`profile/${encodeURIComponent(seeker.userId)}/displayname`, { displayname: 'Sven' })
    for (const [client, userId, name] of [
      [seeker, owner.userId, 'Olga II'],
      [owner, seeker.userId, 'Sven'],
    ] as const) {
      const member = await eventually(
        () => client.get(`${roomPath(roomId)}/state/m.room.member/${encodeURIComponent(userId)}`),
        ({ displayname }) => displayname === name,
      )
      expect(member).toMatchObject({ membership: 'join', displayname: name })
    }
    await expectAgreement([owner, seeker], roomId)
  })

  it('lists public rooms, filtered and page by page', async () => {
    const { serverName: server } = pair.at(from)
    const owner = await pair.register(from, 'owner')
    const seeker = await pair.register(to, 'seeker')
    const names = ['first', 'second', 'third'].map((name) => `${name} listed on ${from}`)
    const roomIds = []
    for (const name of names)
      roomIds.push(await owner.createRoom({ preset: 'public_chat', visibility: 'public', name }))

    const ask = async (body: object) =>
      (await seeker.expect('POST', 'publicRooms', { query: { server }, body })) as {
        chunk: { room_id: string; name: string }[]
        next_batch?: string
      }
    const filtered = await eventually(
      () => ask({ filter: { generic_search_term: 'listed on' } }),
      ({ chunk }) => chunk.length === 3,
    )
    expect(filtered.chunk.map(({ room_id }) => room_id).sort()).toEqual([...roomIds].sort())
    const second = await ask({ filter: { generic_search_term: 'second listed' } })
    expect(second.chunk).toMatchObject([{ room_id: roomIds[1], name: names[1], num_joined_members: 1 }])

    const paged = []
    for (let since: string | undefined, more = true; more;) {
      const page = (await seeker.get('publicRooms', { server, limit: 1, since })) as Awaited<ReturnType<typeof ask>>
      paged.push(...page.chunk.map(({ room_id }) => room_id))
      since = page.next_batch
      more = since !== undefined
    }
    expect(paged).toEqual(expect.arrayContaining(roomIds))
    expect(new Set(paged).size).toBe(paged.length)
  })

  it('looks into a space, as far as it may', async () => {
    const { serverName } = pair.at(from)
    const owner = await pair.register(from, 'owner')
    const seeker = await pair.register(to, 'seeker')
    const space = await owner.createRoom({
      preset: 'public_chat',
      name: 'Space',
      creation_content: { type: 'm.space' },
    })
    const open = await owner.createRoom({ preset: 'public_chat', name: 'Open', topic: 'for all' })
    const closed = await owner.createRoom({ preset: 'private_chat', name: 'Closed' })
    for (const child of [open, closed]) await owner.setState(space, 'm.space.child', { via: [serverName] }, child)

    // Whose server is not in the room joins first: the client API knows no servers to ask otherwise.
    await joinVia(seeker, space, pair.at(from))
    type Child = { room_id: string; name: string; children_state: { state_key: string }[] }
    let rooms: Child[] = []
    const seen = async () => {
      const answer = await seeker.get(`/_matrix/client/v1/rooms/${encodeURIComponent(space)}/hierarchy`)
      rooms = answer['rooms'] as Child[]
      return rooms.map(({ room_id, name }) => ({ room_id, name }))
    }
    // Synapse knows of a room that it has just joined only a moment later what it says about itself.
    await expect.poll(seen).toEqual([
      { room_id: space, name: 'Space' },
      { room_id: open, name: 'Open' },
    ])
    expect(rooms[0]!.children_state.map(({ state_key }) => state_key).sort()).toEqual([open, closed].sort())

    const query = { via: serverName }
    const summary = await seeker.get(`/_matrix/client/v1/room_summary/${encodeURIComponent(open)}`, query)
    expect(summary).toMatchObject({ room_id: open, name: 'Open', topic: 'for all', num_joined_members: 1 })
    const hidden = await seeker.request('GET', `/_matrix/client/v1/room_summary/${encodeURIComponent(closed)}`, {
      query,
    })
    expect(hidden).toMatchObject({ status: 404 })
  })

  it('finds an event by its time that it did not have yet', async () => {
    const owner = await pair.register(from, 'owner')
    const seeker = await pair.register(to, 'seeker')
    const roomId = await owner.createRoom({ preset: 'public_chat' })
    const wanted = await owner.sendText(roomId, 'the one')
    const { origin_server_ts: ts } = await untilSeen(owner, roomId, wanted)
    for (let i = 0; i < 30; i += 1) await owner.sendText(roomId, `later ${i}`)
    await joinVia(seeker, roomId, pair.at(from))
    const path = `/_matrix/client/v1/rooms/${encodeURIComponent(roomId)}/timestamp_to_event`
    expect(await seeker.get(path, { ts: ts as number, dir: 'f' })).toEqual({ event_id: wanted, origin_server_ts: ts })
    expect(await seeker.get(path, { ts: ts as number, dir: 'b' })).toEqual({ event_id: wanted, origin_server_ts: ts })
  })

  it('follows a room that is upgraded', async () => {
    const owner = await pair.register(from, 'owner')
    const guest = await pair.register(to, 'guest')
    const roomId = await owner.createRoom({ preset: 'public_chat', room_version: '10', name: 'Grows up' })
    await joinVia(guest, roomId, pair.at(from))
    await untilMembership(owner, roomId, guest.userId, 'join')
    const { replacement_room: replacement } = (await owner.post(`${roomPath(roomId)}/upgrade`, {
      new_version: '12',
    })) as { replacement_room: string }
    const tombstone = await eventually(
      () => guest.get(`${roomPath(roomId)}/state/m.room.tombstone/`),
      () => true,
    )
    expect(tombstone).toMatchObject({ replacement_room: replacement })
    await joinVia(guest, replacement, pair.at(from))
    await untilMembership(owner, replacement, guest.userId, 'join')
    const create = await guest.get(`${roomPath(replacement)}/state/m.room.create/`)
    expect(create).toMatchObject({ room_version: '12', predecessor: { room_id: roomId } })
    await expectAgreement([owner, guest], replacement)
    await expectAgreement([owner, guest], roomId)
  })
})
