import { roomVersions } from '@hearth/rooms'
import {
  checkDatabase,
  FakeNetwork,
  type ForeignRoom,
  FakePeer,
  ResidentPeer,
  TestCa,
  TestServer,
  type TestClient,
} from '@hearth/test-kit'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'

let ca: TestCa
let network: FakeNetwork
let peer: FakePeer
let server: TestServer
let alice: TestClient

beforeAll(async () => {
  ca = await TestCa.create()
  network = new FakeNetwork()
  peer = await FakePeer.start({ ca, network, name: 'peer.test' })
  server = await TestServer.start({ network, settings: { HEARTH_NETWORK_CA_FILE: ca.caFile } })
  alice = await server.register('alice')
})

afterAll(async () => {
  await server.stop()
  await peer[Symbol.asyncDispose]()
  await ca[Symbol.asyncDispose]()
})

describe.each(Object.keys(roomVersions))('joining a room of version %s of another server', (version) => {
  it('brings its state, and the join into the next sync', async () => {
    const { room, received } = new ResidentPeer(peer, version)
    const since = (await alice.sync()).next_batch
    const answer = await alice.post(`join/${encodeURIComponent(room.id)}?via=${peer.name}`)
    expect(answer).toEqual({ room_id: room.id })
    expect(received.map(({ pdu }) => pdu.content['membership'])).toEqual(['join'])
    const { rooms } = await alice.sync({ since })
    const joined = rooms!.join![room.id]!
    expect(joined.timeline.events.map(({ event_id: id }) => id)).toEqual([received[0]!.eventId])
    const { text } = await alice.request('GET', `rooms/${encodeURIComponent(room.id)}/state`)
    const state = JSON.parse(text) as { event_id: string }[]
    expect(state.map(({ event_id: id }) => id).sort()).toEqual(room.state.map(({ eventId }) => eventId).sort())
  })
})

describe('joining a room of another server', () => {
  const path = (room: ForeignRoom, ...via: string[]): string =>
    `join/${encodeURIComponent(room.id)}?${via.map((server) => `via=${encodeURIComponent(server)}`).join('&')}`
  const joinedTo = async (client: TestClient): Promise<string[]> =>
    (await client.get('joined_rooms'))['joined_rooms'] as string[]

  it('goes on with the next server when one cannot be reached, knows nothing, or says what cannot be', async () => {
    await using liar = await FakePeer.start({ ca, network, name: 'liar.test' })
    const { room, received } = new ResidentPeer(peer, '11')
    liar.on('GET', /make_join/, () => ({
      room_version: '11',
      event: { ...room.draft(room.member('@mallory:liar.test', 'join')) },
    }))
    await using ignorant = await FakePeer.start({ ca, network, name: 'ignorant.test' })
    await alice.post(path(room, 'nowhere.test', 'liar.test', 'ignorant.test', 'peer.test'))
    expect(ignorant.requestsTo(/make_join/)).toHaveLength(1)
    expect(received).toHaveLength(1)
    expect(await joinedTo(alice)).toContain(room.id)
  })

  it('goes on with the next server when one gives a state that cannot be the room’s', async () => {
    const honest = new ResidentPeer(peer, '11')
    const { room } = honest
    await using forger = await FakePeer.start({ ca, network, name: 'forger.test' })
    const template = (userId: string) => ({ room_version: '11', event: { ...room.draft(room.member(userId, 'join')) } })
    forger.on('GET', /make_join/, ({ path: asked }) => template(decodeURIComponent(asked.split('/').at(-1)!)))
    const forged = { ...room.create.pdu, content: { ...room.create.pdu.content, 'm.federate': true } }
    forger.on('PUT', /send_join/, () => ({ state: [forged], auth_chain: [], origin: 'forger.test' }))
    await alice.post(path(room, 'forger.test', 'peer.test'))
    expect(forger.requestsTo(/send_join/)).toHaveLength(1)
    expect(await joinedTo(alice)).toContain(room.id)
  })

  it('[C-07] signs no template but that of the join', async () => {
    await using liar = await FakePeer.start({ ca, network, name: 'templates.test' })
    const { room } = new ResidentPeer(liar, '11')
    const join = { ...room.draft(room.member(alice.userId, 'join')) }
    const templates: object[] = [
      { type: 'm.room.power_levels', state_key: '' },
      { sender: '@victim:hearth.test' },
      { state_key: '@victim:hearth.test' },
      { room_id: '!other:hearth.test' },
      { content: { membership: 'ban' } },
      { content: { membership: 'leave' } },
      { prev_events: [], auth_events: 7 },
    ]
    const isJoin = (target: string) => target.includes('make_join') || target.includes('send_join')
    for (const change of templates) {
      liar.on('GET', /make_(join|leave|knock)/, () => ({ room_version: '11', event: { ...join, ...change } }))
      for (const target of [path(room, 'templates.test'), path(room, 'templates.test').replace('join/', 'knock/')]) {
        const answer = await alice.request('POST', target)
        expect([change, answer.status]).toEqual([change, 502])
      }
    }
    expect(liar.requests.some(({ target }) => isJoin(target))).toBe(true)
    expect(liar.requestsTo(/send_(join|leave|knock)/)).toEqual([])

    // What else a template says is not said in the user's name.
    const received: Record<string, unknown>[] = []
    const more = { content: { membership: 'join', displayname: 'Fool' }, unsigned: { x: 1 }, 'org.example': true }
    liar.on('GET', /make_join/, () => ({ room_version: '11', event: { ...join, ...more } }))
    liar.on('PUT', /send_join/, ({ body }) => (received.push(body), [403, { errcode: 'M_FORBIDDEN' }]))
    await alice.request('POST', path(room, 'templates.test'))
    expect(received).toHaveLength(1)
    expect(JSON.stringify(received)).not.toMatch(/Fool|unsigned|org\.example/)
  })

  it('is taken back where a server has let the user in but what it tells of the room cannot be used', async () => {
    await using forger = await FakePeer.start({ ca, network, name: 'late.test' })
    const { room, received, answers } = new ResidentPeer(forger, '11')
    const sentTo = (membership: string): unknown[] =>
      received.filter(({ pdu }) => pdu.content['membership'] === membership).map(({ pdu }) => pdu.sender)
    answers.sendJoin = (answer) => ({ ...answer, state: [], auth_chain: [] })
    const answer = await alice.request('POST', path(room, 'late.test'))
    expect(answer.status).toBe(502)
    await expect.poll(() => sentTo('leave'), { timeout: 30_000 }).toEqual([alice.userId])
    expect(await joinedTo(alice)).not.toContain(room.id)

    // A server that refuses the join has nobody to let go, and one that is away is told when it is there again.
    answers.sendJoin = () => [403, { errcode: 'M_FORBIDDEN', error: 'No' }]
    expect((await alice.request('POST', path(room, 'late.test'))).status).toBe(403)
    answers.sendJoin = () => [500, { errcode: 'M_UNKNOWN', error: 'Oh' }]
    const { promise: leaveAsked, resolve: askLeave } = Promise.withResolvers<void>()
    let isAway = true
    forger.on('GET', /make_leave/, (request) => {
      askLeave()
      return isAway ? [503, { errcode: 'M_UNKNOWN', error: 'Away' }] : resident(request)
    })
    const resident = ({ path: asked }: { path: string }) => ({
      room_version: '11',
      event: { ...room.draft(room.member(decodeURIComponent(asked.split('/').at(-1)!), 'leave')) },
    })
    expect((await alice.request('POST', path(room, 'late.test'))).status).toBe(502)
    await leaveAsked
    isAway = false
    expect(sentTo('leave')).toHaveLength(1)

    // Whoever comes in after all does not leave again.
    delete answers.sendJoin
    await alice.post(path(room, 'late.test'))
    const { store } = server
    await expect.poll(() => store.jobs.listKeys('join-withdrawal', 10), { timeout: 30_000 }).toEqual([])
    expect(await joinedTo(alice)).toContain(room.id)
    expect(sentTo('leave')).toHaveLength(1)
  })

  it('leaves the user outside, and says why, when nobody lets them in', async () => {
    const { room } = new ResidentPeer(peer, '11', { joinRule: 'invite' })
    peer.on('GET', new RegExp(`make_join/${encodeURIComponent(room.id)}`), () => [
      403,
      { errcode: 'M_FORBIDDEN', error: 'You are not invited' },
    ])
    const answer = await alice.request('POST', path(room, 'nowhere.test', 'peer.test'))
    expect(answer).toMatchObject({ status: 403, body: { errcode: 'M_FORBIDDEN', error: 'You are not invited' } })
    expect(await joinedTo(alice)).not.toContain(room.id)
  })

  it('passes on a code that is none of the specification, but none that would sign the user out', async () => {
    const { room } = new ResidentPeer(peer, '11')
    let answer: readonly [number, { errcode: string; error: string }]
    peer.on('GET', new RegExp(`make_join/${encodeURIComponent(room.id)}`), () => answer)
    answer = [400, { errcode: 'ORG_EXAMPLE_CLOSED', error: 'Come back later' }]
    expect(await alice.request('POST', path(room, 'peer.test'))).toMatchObject({ status: 400, body: answer[1] })
    for (const errcode of ['M_UNKNOWN_TOKEN', 'M_USER_LOCKED', 'x"', '']) {
      answer = [401, { errcode, error: 'No' }]
      const told = await alice.request('POST', path(room, 'peer.test'))
      expect(told).toMatchObject({ status: 502, body: { errcode: 'M_UNKNOWN' } })
    }
  })

  it('is refused by the rules of the room whatever its servers say', async () => {
    const { room } = new ResidentPeer(peer, '11', { joinRule: 'invite' })
    const answer = await alice.request('POST', path(room, 'peer.test'))
    expect(answer.status).toBe(502)
    expect(await joinedTo(alice)).not.toContain(room.id)
  })

  it('needs to know a server', async () => {
    const answer = await alice.request('POST', `join/${encodeURIComponent('!unknown:hearth.test')}`)
    expect(answer).toMatchObject({ status: 404, body: { errcode: 'M_NOT_FOUND' } })
  })

  it('happens once, however often and by whomever it is asked for meanwhile', async () => {
    const bob = await server.register('bob')
    const { room, received } = new ResidentPeer(peer, '11')
    const asked = [alice, alice, bob, alice].map((client) => client.post(path(room, 'peer.test')))
    await Promise.all(asked)
    expect(received.map(({ pdu }) => pdu.sender)).toEqual([alice.userId])
    expect(await joinedTo(bob)).toContain(room.id)
  })

  it('fetches auth events that the answer lacks, and drops what is not signed', async () => {
    const resident = new ResidentPeer(peer, '11')
    const { room } = resident
    const levels = room.find('m.room.power_levels')!
    const users = { ...(levels.pdu.content['users'] as object), '@helper:peer.test': 50 }
    room.send({ type: 'm.room.power_levels', sender: levels.pdu.sender, state_key: '', content: { users } })
    const unsigned = room.build({ type: 'm.room.topic', sender: levels.pdu.sender, state_key: '' }, 'other.test')
    resident.answers.sendJoin = (answer) => ({
      ...answer,
      auth_chain: [room.create.pdu],
      state: [...(answer['state'] as []), unsigned.pdu],
    })
    await alice.post(path(room, 'peer.test'))
    expect(await joinedTo(alice)).toContain(room.id)
    const { text } = await alice.request('GET', `rooms/${encodeURIComponent(room.id)}/state`)
    const ids = (JSON.parse(text) as { event_id: string }[]).map(({ event_id: id }) => id)
    expect(ids.sort()).toEqual(room.state.map(({ eventId }) => eventId).sort())
  })

  it('goes on after a restart', async () => {
    const resident = new ResidentPeer(peer, '11')
    const { room } = resident
    const { promise: restarted, resolve: release } = Promise.withResolvers<void>()
    const asked = Promise.withResolvers<void>()
    resident.answers.sendJoin = async (answer) => {
      asked.resolve()
      await restarted
      return answer
    }
    const broken = alice.request('POST', path(room, 'peer.test')).catch(() => undefined)
    await asked.promise
    resident.answers.sendJoin = (answer) => answer
    await server.restart()
    release()
    await broken
    await expect.poll(() => joinedTo(alice), { timeout: 60_000 }).toContain(room.id)
    expect(new Set(resident.received.map(({ eventId }) => eventId)).size).toBe(1)
  })

  it('brings the room up to date that the user had left', async () => {
    const resident = new ResidentPeer(peer, '11')
    const { room } = resident
    const creator = room.create.pdu.sender
    await alice.post(path(room, 'peer.test'))
    await alice.leave(room.id)
    room.send(room.member(alice.userId, 'leave', { sender: creator }))
    room.send({ type: 'm.room.name', sender: creator, state_key: '', content: { name: 'Moved on' } })
    room.send({ type: 'm.room.topic', sender: creator, state_key: '', content: { topic: 'News' } })
    await alice.post(path(room, 'peer.test'))
    expect(await joinedTo(alice)).toContain(room.id)
    const state = (type: string) => alice.get(`rooms/${encodeURIComponent(room.id)}/state/${type}/`)
    expect(await state('m.room.name')).toEqual({ name: 'Moved on' })
    expect(await state('m.room.topic')).toEqual({ topic: 'News' })
    expect(await alice.send(room.id, 'm.room.message', { msgtype: 'm.text', body: 'back' })).toBeDefined()
  })
})

it('leaves a database that fits together', async () => {
  expect((await checkDatabase({ url: server.database.url, serverName: 'hearth.test' })).problems).toEqual([])
})
