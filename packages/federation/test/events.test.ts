import type { JsonObject, RoomId, UserId } from '@hearth/protocol'
import type { BuiltEvent } from '@hearth/rooms'
import type { TestClient } from '@hearth/test-kit'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { FederatedServer } from './fixtures/federated-server.ts'
import { refusalOf, type PeerUser } from './fixtures/peer-user.ts'
import { SharedRoom } from './shared-room.ts'

let hearth: FederatedServer
let alice: TestClient
let bob: PeerUser
let eve: PeerUser

beforeAll(async () => {
  hearth = await FederatedServer.start()
  alice = await hearth.register('alice')
  bob = await hearth.peerUser('bob')
  eve = await hearth.peerUser('eve')
})

afterAll(() => hearth[Symbol.asyncDispose]())

const enc = encodeURIComponent
const publicRoom = (options: JsonObject = {}) => alice.createRoom({ preset: 'public_chat', ...options })
const withVisibility = (visibility: string) =>
  publicRoom({
    initial_state: [{ type: 'm.room.history_visibility', content: { history_visibility: visibility } }],
  })

const contentOf = async (user: PeerUser, eventId: string) => {
  const { status, body } = await user.get(`event/${enc(eventId)}`)
  return status === 200 ? (body['pdus'] as { content: JsonObject }[])[0]!.content : [status, body['errcode']]
}
const message = (body: string) => ({ msgtype: 'm.text', body })

const bodiesIn = (events: unknown) =>
  (events as { type: string; content: JsonObject }[])
    .filter(({ type }) => type === 'm.room.message')
    .map(({ content }) => content['body'])

describe('GET /event', () => {
  it('gives a server that is in the room an event as it was sent', async () => {
    const roomId = await publicRoom({ room_version: '11' })
    const eventId = await alice.sendText(roomId, 'hello')
    await bob.join(roomId)
    const { status, body } = await bob.get(`event/${enc(eventId)}`)
    expect(status).toBe(200)
    expect(body).toMatchObject({ origin: 'hearth.test', origin_server_ts: expect.any(Number) as number })
    const [event] = body['pdus'] as JsonObject[]
    expect(event).toMatchObject({ type: 'm.room.message', room_id: roomId, sender: alice.userId })
    expect(Object.keys(event!['signatures'] as JsonObject)).toEqual(['hearth.test'])
    expect(event).not.toHaveProperty('unsigned')
  })

  it('[SEC-158] does not tell others whether there is such an event', async () => {
    const roomId = await publicRoom()
    const eventId = await alice.sendText(roomId, 'secret')
    const answers = [await eve.get(`event/${enc(eventId)}`), await eve.get(`event/${enc('$unknown')}`)]
    expect(answers.map(refusalOf)).toEqual([
      [404, 'M_NOT_FOUND'],
      [404, 'M_NOT_FOUND'],
    ])
    expect(answers[0]!.text).toBe(answers[1]!.text)
  })

  it('[S-21] has nothing left of what was redacted', async () => {
    const roomId = await publicRoom()
    await bob.join(roomId)
    const eventId = await alice.sendText(roomId, 'oops')
    await alice.put(`rooms/${enc(roomId)}/redact/${enc(eventId)}/1`, {})
    expect(await contentOf(bob, eventId)).toEqual({})
  })

  it('shows of the history what its visibility lets members of the server see', async () => {
    const seen = async (visibility: string) => {
      const roomId = await withVisibility(visibility)
      const before = await alice.sendText(roomId, 'before')
      await bob.join(roomId)
      const during = await alice.sendText(roomId, 'during')
      return Promise.all([before, during].map(async (eventId) => contentOf(bob, eventId)))
    }
    const both = [message('before'), message('during')]
    expect(await seen('world_readable')).toEqual(both)
    expect(await seen('shared')).toEqual(both)
    expect(await seen('invited')).toEqual([{}, message('during')])
    expect(await seen('joined')).toEqual([{}, message('during')])
  })

  it('judges by the visibility at the event, and a change of it by either side', async () => {
    const roomId = await publicRoom()
    const shared = await alice.sendText(roomId, 'shared')
    const change = await alice.setState(roomId, 'm.room.history_visibility', { history_visibility: 'joined' })
    const joined = await alice.sendText(roomId, 'joined')
    await bob.join(roomId)
    expect(await contentOf(bob, shared)).toEqual(message('shared'))
    expect(await contentOf(bob, change)).toEqual({ history_visibility: 'joined' })
    expect(await contentOf(bob, joined)).toEqual({})
  })

  it('shows a server that has left what it was there for', async () => {
    const roomId = await publicRoom()
    const before = await alice.sendText(roomId, 'before')
    await bob.join(roomId)
    const during = await alice.sendText(roomId, 'during')
    const { event: leave } = await bob.change('leave', roomId)
    const after = await alice.sendText(roomId, 'after')
    expect(await contentOf(bob, during)).toEqual(message('during'))
    expect(await contentOf(bob, leave.eventId)).toEqual({ membership: 'leave' })
    expect(await contentOf(bob, before)).toEqual([404, 'M_NOT_FOUND'])
    expect(await contentOf(bob, after)).toEqual([404, 'M_NOT_FOUND'])
  })

  it('shows nothing of a message whose sender was erased', async () => {
    const carol = await hearth.register('carol')
    const roomId = await publicRoom()
    await carol.join(roomId)
    const eventId = await carol.sendText(roomId, 'mine')
    await bob.join(roomId)
    expect(await contentOf(bob, eventId)).toEqual(message('mine'))
    const password = "carol's password"
    const auth = { type: 'm.login.password', identifier: { type: 'm.id.user', user: carol.userId }, password }
    await carol.post('account/deactivate', { erase: true, auth })
    expect(await contentOf(bob, eventId)).toEqual({})
  })
})

describe('GET /state and /state_ids', () => {
  it('give the state before an event, with all that authorizes it', async () => {
    const roomId = await publicRoom({ room_version: '10', name: 'first' })
    await bob.join(roomId)
    const change = await alice.setState(roomId, 'm.room.name', { name: 'second' })
    const after = await alice.sendText(roomId, 'after')
    const stateAt = async (eventId: string) => {
      const [events, ids] = await Promise.all([
        bob.get(`state/${enc(roomId)}?event_id=${enc(eventId)}`),
        bob.get(`state_ids/${enc(roomId)}?event_id=${enc(eventId)}`),
      ])
      const pdus = events.body['pdus'] as { type: string; state_key: string; content: JsonObject }[]
      return { pdus, chain: events.body['auth_chain'] as JsonObject[], ids: ids.body }
    }
    const nameIn = (pdus: { type: string; content: JsonObject }[]) =>
      pdus.find(({ type }) => type === 'm.room.name')?.content['name']

    const before = await stateAt(change)
    expect(nameIn(before.pdus)).toBe('first')
    expect(before.pdus.map((pdu) => [pdu.type, pdu.state_key])).toContainEqual(['m.room.member', bob.userId])
    const now = await stateAt(after)
    expect(nameIn(now.pdus)).toBe('second')
    expect(now.ids['pdu_ids']).toContain(change)
    expect(before.ids['pdu_ids']).not.toContain(change)
    expect(now.ids['pdu_ids']).toHaveLength(now.pdus.length)
    expect(now.ids['auth_chain_ids']).toHaveLength(now.chain.length)
    // The chain is closed.
    const chainIds = new Set(now.ids['auth_chain_ids'] as string[])
    const named = [...now.pdus, ...now.chain].flatMap((pdu) => (pdu as JsonObject)['auth_events'] as string[])
    expect(named.filter((eventId) => !chainIds.has(eventId))).toEqual([])
  })

  it('are about events of the room that are known', async () => {
    const [roomId, other] = [await publicRoom(), await publicRoom()]
    await bob.join(roomId)
    const foreign = await alice.sendText(other, 'elsewhere')
    for (const endpoint of ['state', 'state_ids']) {
      expect(refusalOf(await bob.get(`${endpoint}/${enc(roomId)}`))).toEqual([400, 'M_MISSING_PARAM'])
      for (const eventId of [foreign, '$unknown']) {
        const answer = await bob.get(`${endpoint}/${enc(roomId)}?event_id=${enc(eventId)}`)
        expect(refusalOf(answer)).toEqual([404, 'M_NOT_FOUND'])
      }
    }
  })

  it('are for servers that are in the room, and for those who left up to then', async () => {
    const roomId = await publicRoom()
    await bob.join(roomId)
    const during = await alice.sendText(roomId, 'during')
    await bob.change('leave', roomId)
    const after = await alice.sendText(roomId, 'after')
    const at = async (eventId: string) => refusalOf(await bob.get(`state_ids/${enc(roomId)}?event_id=${enc(eventId)}`))
    expect(await at(during)).toEqual([200, undefined])
    expect(await at(after)).toEqual([403, 'M_FORBIDDEN'])
    expect(await at('$unknown')).toEqual([403, 'M_FORBIDDEN'])
  })
})

describe('GET /event_auth', () => {
  it.each(['1', '11', '12'])('gives all that authorizes an event of version %s, of whatever kind', async (version) => {
    const roomId = await publicRoom({ room_version: version })
    const { event: join } = await bob.join(roomId)
    const sent = await alice.sendText(roomId, 'hello')
    const chainOf = async (eventId: string) => {
      const { body } = await bob.get(`event_auth/${enc(roomId)}/${enc(eventId)}`)
      return (body['auth_chain'] as { type: string; state_key: string }[]).map((event) => [event.type, event.state_key])
    }
    const founding = [
      ['m.room.create', ''],
      ['m.room.member', alice.userId],
      ['m.room.power_levels', ''],
    ]
    expect((await chainOf(sent)).sort()).toEqual(founding)
    expect((await chainOf(join.eventId)).sort()).toEqual([...founding, ['m.room.join_rules', '']].sort())
    expect(refusalOf(await bob.get(`event_auth/${enc(roomId)}/${enc('$unknown')}`))).toEqual([404, 'M_NOT_FOUND'])
  })
})

describe('POST /get_missing_events of a server that was sent away', () => {
  it('gives what it was there for, and of what came before what holds the graph together', async () => {
    const roomId = await publicRoom()
    const before = await alice.sendText(roomId, 'before')
    const { event: join } = await bob.join(roomId)
    await alice.sendText(roomId, 'during')
    await alice.post(`rooms/${enc(roomId)}/kick`, { user_id: bob.userId })
    const after = await alice.sendText(roomId, 'after')
    const last = await alice.sendText(roomId, 'last')
    const range = { earliest_events: [], latest_events: [last], limit: 20, min_depth: 0 }
    const { status, body } = await bob.post(`get_missing_events/${enc(roomId)}`, range)
    const events = body['events'] as { type: string; event_id: string }[]
    expect([status, bodiesIn(events)]).toEqual([200, [undefined, 'during']])
    expect(events.map(({ type }) => type)).toEqual(expect.arrayContaining(['m.room.create', 'm.room.member']))
    expect(JSON.stringify(body)).not.toContain(after)

    const first = { ...range, latest_events: [join.eventId], limit: 1 }
    const { body: further } = await bob.post(`get_missing_events/${enc(roomId)}`, first)
    expect(bodiesIn(further['events'])).toEqual([undefined])
    const none = await bob.post(`get_missing_events/${enc(roomId)}`, { ...first, latest_events: [before] })
    expect(none.body['events']).toEqual([])
  })
})

describe('GET /backfill', () => {
  it('gives events and those before them, the newest first', async () => {
    const roomId = await publicRoom()
    const ids = []
    for (let n = 0; n < 5; n += 1) ids.push(await alice.sendText(roomId, `message ${n}`))
    await bob.join(roomId)
    const { body } = await bob.get(`backfill/${enc(roomId)}?v=${enc(ids[3]!)}&limit=3`)
    expect(body).toMatchObject({ origin: 'hearth.test' })
    expect(bodiesIn(body['pdus'])).toEqual(['message 3', 'message 2', 'message 1'])
    const all = await bob.get(`backfill/${enc(roomId)}?v=${enc(ids[4]!)}&limit=100`)
    expect((all.body['pdus'] as { type: string }[]).at(-1)?.type).toBe('m.room.create')
  })

  it('[S-05] keeps the graph together where the history is not for the server', async () => {
    const roomId = await withVisibility('joined')
    await alice.sendText(roomId, 'before')
    await bob.join(roomId)
    const during = await alice.sendText(roomId, 'during')
    const { body } = await bob.get(`backfill/${enc(roomId)}?v=${enc(during)}&limit=3`)
    expect(bodiesIn(body['pdus'])).toEqual(['during', undefined])
    const [first, join, before] = body['pdus'] as { prev_events: string[]; depth: number }[]
    expect([first!.depth, join!.depth, before!.depth]).toEqual([before!.depth + 2, before!.depth + 1, before!.depth])
  })

  it('gives nothing of other rooms', async () => {
    const [roomId, other] = [await publicRoom(), await publicRoom()]
    await bob.join(roomId)
    const foreign = await alice.sendText(other, 'elsewhere')
    const { status, body } = await bob.get(`backfill/${enc(roomId)}?v=${enc(foreign)}&v=${enc('$unknown')}&limit=9`)
    expect([status, body['pdus']]).toEqual([200, []])
  })

  it('[SEC-160] gives so much and no more', async () => {
    const roomId = await publicRoom()
    let last = ''
    for (let n = 0; n < 120; n += 1) last = await alice.sendText(roomId, `message ${n}`)
    await bob.join(roomId)
    const many = Array.from({ length: 1_000 }, (_, n) => `v=${enc(`$unknown${n}`)}`).join('&')
    const { body } = await bob.get(`backfill/${enc(roomId)}?v=${enc(last)}&${many.slice(0, 12_000)}x&limit=1000000000`)
    expect(body['pdus']).toHaveLength(100)
    const missing = await bob.post(`get_missing_events/${enc(roomId)}`, {
      earliest_events: Array.from({ length: 10_000 }, (_, n) => `$unknown${n}`),
      latest_events: [last, ...Array.from({ length: 10_000 }, (_, n) => `$missing${n}`)],
      limit: 1_000_000_000,
    })
    expect(missing.body['events']).toHaveLength(20)
    for (const query of [
      '',
      'limit=5',
      `v=${enc(last)}`,
      `v=${enc(last)}&limit=0`,
      `v=${enc(last)}&limit=1e9`,
      'v=x&limit=5',
    ]) {
      expect([query, (await bob.get(`backfill/${enc(roomId)}?${query}`)).status]).toEqual([query, 400])
    }
  })
})

describe('POST /get_missing_events', () => {
  it('gives what lies between, the oldest first', async () => {
    const roomId = await publicRoom()
    const { event: join } = await bob.join(roomId)
    const ids = []
    for (let n = 0; n < 15; n += 1) ids.push(await alice.sendText(roomId, `message ${n}`))
    const missing = async (body: JsonObject) => {
      const answer = await bob.post(`get_missing_events/${enc(roomId)}`, body)
      return bodiesIn(answer.body['events'])
    }
    const between = { earliest_events: [ids[2]!], latest_events: [ids[6]!] }
    expect(await missing(between)).toEqual(['message 3', 'message 4', 'message 5'])
    expect(await missing({ ...between, limit: 2 })).toEqual(['message 4', 'message 5'])
    // What comes before the events that the server has is no concern of it.
    expect(await missing({ earliest_events: [join.eventId], latest_events: [ids[2]!] })).toEqual([
      'message 0',
      'message 1',
    ])
    // Ten, unless it says otherwise.
    expect(await missing({ earliest_events: [join.eventId], latest_events: [ids[14]!] })).toHaveLength(10)
    const { depth } = ((await bob.get(`event/${enc(ids[4]!)}`)).body['pdus'] as { depth: number }[])[0]!
    expect(await missing({ ...between, min_depth: depth })).toEqual(['message 4', 'message 5'])
    expect(await missing({ earliest_events: [], latest_events: ['$unknown'] })).toEqual([])
  })

  it('[S-05] redacts what the server may not see', async () => {
    const roomId = await withVisibility('joined')
    await alice.sendText(roomId, 'before')
    const { event: join } = await bob.join(roomId)
    const answer = await bob.post(`get_missing_events/${enc(roomId)}`, {
      earliest_events: [],
      latest_events: [join.eventId],
      limit: 1,
    })
    expect(bodiesIn(answer.body['events'])).toEqual([undefined])
  })

  it('takes lists of ids only', async () => {
    const roomId = await publicRoom()
    await bob.join(roomId)
    const ask = (body: JsonObject) => bob.post(`get_missing_events/${enc(roomId)}`, body)
    for (const body of [{ earliest_events: [5] }, { earliest_events: {} }, { latest_events: ['x'] }, { limit: 0 }]) {
      expect((await ask(body)).status).toBe(400)
    }
    expect((await ask({})).body).toEqual({ events: [] })
  })
})

describe('GET /timestamp_to_event', () => {
  it('gives the closest event that the server may see', async () => {
    const roomId = await withVisibility('joined')
    const before = await alice.get(`rooms/${enc(roomId)}/event/${enc(await alice.sendText(roomId, 'before'))}`)
    const { event: join } = await bob.join(roomId)
    const during = await alice.sendText(roomId, 'during')
    const closest = async (ts: number, dir: string) => {
      const { status, body } = await bob.get(`timestamp_to_event/${enc(roomId)}?ts=${ts}&dir=${dir}`)
      return status === 200 ? body['event_id'] : [status, body['errcode']]
    }
    expect(await closest(Date.now() + 1_000, 'b')).toBe(during)
    expect(await closest(before['origin_server_ts'] as number, 'f')).toBe(join.eventId)
    expect(await closest(Date.now() + 1_000, 'f')).toEqual([404, 'M_NOT_FOUND'])
    expect(await closest(0, 'b')).toEqual([404, 'M_NOT_FOUND'])
    expect((await bob.get(`timestamp_to_event/${enc(roomId)}?ts=0&dir=x`)).status).toBe(400)
  })
})

describe('outliers', () => {
  it('are given to servers in the room, those of state whole, and there is no state at them', async () => {
    const roomId = await publicRoom({ room_version: '10' })
    const mallory = await hearth.peerUser('mallory')
    const shared = await SharedRoom.join(roomId as RoomId, hearth.server, mallory.peer)
    await bob.join(roomId)
    const { store } = hearth.server
    const { nid: roomNid } = (await store.rooms.find(roomId as RoomId))!
    const keep = async ({ eventId, pdu, json }: BuiltEvent): Promise<string> => {
      const stateKey = pdu.state_key
      const [typeNid, stateKeyNid, senderNid] = [
        await store.eventTypes.intern(pdu.type),
        stateKey === undefined ? null : await store.stateKeys.intern(stateKey),
        await store.users.intern(pdu.sender as UserId),
      ]
      const { depth, origin_server_ts: ts } = pdu
      const row = { eventId, json, typeNid, stateKeyNid, senderNid, depth, ts, flags: 0, auth: [] }
      await store.outliers.insert(roomNid, [row])
      return eventId
    }
    const state = await keep(shared.build({ type: 'm.room.topic', state_key: '', content: { topic: 'Old' } }))
    const sent = await keep(shared.build({ content: message('old') }))
    expect(await contentOf(bob, state)).toEqual({ topic: 'Old' })
    expect(await contentOf(bob, sent)).toEqual({})
    expect(await contentOf(eve, state)).toEqual([404, 'M_NOT_FOUND'])
    for (const endpoint of ['state', 'state_ids']) {
      const answer = await bob.get(`${endpoint}/${enc(roomId)}?event_id=${enc(state)}`)
      expect(refusalOf(answer)).toEqual([404, 'M_NOT_FOUND'])
    }
  })
})

describe('events that were refused', () => {
  it('are given to nobody when they were rejected, nor is the state at them', async () => {
    const roomId = await publicRoom()
    const mallory = await hearth.peerUser('mallory')
    const shared = await SharedRoom.join(roomId as RoomId, hearth.server, mallory.peer)
    await bob.join(roomId)
    for (const fields of [
      { type: 'm.room.topic', state_key: '', content: { topic: 'Mine' } },
      { type: 'm.room.message', sender: `@absent:${mallory.peer.name}` },
    ]) {
      const rejected = shared.build(fields)
      await shared.sendPdus(rejected.pdu)
      const [id, room] = [enc(rejected.eventId), enc(roomId)]
      expect(refusalOf(await bob.get(`event/${id}`))).toEqual([404, 'M_NOT_FOUND'])
      for (const endpoint of ['state', 'state_ids']) {
        expect(refusalOf(await bob.get(`${endpoint}/${room}?event_id=${id}`))).toEqual([404, 'M_NOT_FOUND'])
      }
      expect(refusalOf(await bob.get(`event_auth/${room}/${id}`))).toEqual([404, 'M_NOT_FOUND'])
      const { body } = await bob.get(`backfill/${room}?v=${id}&limit=1`)
      expect(JSON.stringify(body['pdus'])).not.toContain(JSON.stringify(rejected.pdu.hashes))
    }
  })

  it('are given to those who ask for them when they were soft-failed', async () => {
    const roomId = await publicRoom()
    const mallory = await hearth.peerUser('mallory')
    const shared = await SharedRoom.join(roomId as RoomId, hearth.server, mallory.peer)
    await bob.join(roomId)
    await alice.post(`rooms/${enc(roomId)}/ban`, { user_id: shared.userId })
    const late = shared.build({ content: message('late') })
    await shared.sendPdus(late.pdu)
    expect(await contentOf(bob, late.eventId)).toEqual(message('late'))
    const sent = await alice.sendText(roomId, 'after')
    const stateAt = async (eventId: string) =>
      (await bob.get(`state_ids/${enc(roomId)}?event_id=${enc(eventId)}`)).body['pdu_ids'] as string[]
    // There the ban had not come yet.
    const before = await stateAt(late.eventId)
    expect((await stateAt(sent)).filter((eventId) => !before.includes(eventId))).toHaveLength(2)
    // Nobody's history goes over it.
    const history = await bob.get(`backfill/${enc(roomId)}?v=${enc(sent)}&limit=100`)
    expect(bodiesIn(history.body['pdus'])).toEqual(['after'])
  })
})

/** Everything that may be asked about a room. */
const questions = (roomId: string, eventId: string): [string, (user: PeerUser) => ReturnType<PeerUser['get']>][] => [
  ['state', (user) => user.get(`state/${enc(roomId)}?event_id=${enc(eventId)}`)],
  ['state_ids', (user) => user.get(`state_ids/${enc(roomId)}?event_id=${enc(eventId)}`)],
  ['event_auth', (user) => user.get(`event_auth/${enc(roomId)}/${enc(eventId)}`)],
  ['backfill', (user) => user.get(`backfill/${enc(roomId)}?v=${enc(eventId)}&limit=5`)],
  [
    'get_missing_events',
    (user) => user.post(`get_missing_events/${enc(roomId)}`, { earliest_events: [], latest_events: [eventId] }),
  ],
  ['timestamp_to_event', (user) => user.get(`timestamp_to_event/${enc(roomId)}?ts=0&dir=f`)],
]

describe('who may ask', () => {
  it('[SEC-158] [S-07] [S-43] [S-49] are servers in the room: others do not even learn that there is one', async () => {
    const roomId = await publicRoom()
    const eventId = await alice.sendText(roomId, 'secret')
    const unknown = questions('!unknown:hearth.test', eventId)
    for (const [index, [name, ask]] of questions(roomId, eventId).entries()) {
      const answer = await ask(eve)
      expect([name, ...refusalOf(answer)]).toEqual([name, 403, 'M_FORBIDDEN'])
      expect((await unknown[index]![1](eve)).text).toBe(answer.text)
    }
  })

  it('[SEC-142] [S-09] are not servers that the room shuts out, whatever they ask', async () => {
    const roomId = await publicRoom({ room_version: '10' })
    await bob.join(roomId)
    const eventId = await alice.sendText(roomId, 'secret')
    const templates = { join: await eve.template('join', roomId), leave: await bob.template('leave', roomId) }
    await alice.setState(roomId, 'm.room.join_rules', { join_rule: 'knock' })
    const knock = eve.build((await eve.template('knock', roomId)).body)
    await alice.setState(roomId, 'm.room.join_rules', { join_rule: 'public' })
    for (const [name, ask] of questions(roomId, eventId)) expect([name, (await ask(bob)).status]).toEqual([name, 200])
    await alice.setState(roomId, 'm.room.server_acl', { allow: ['*'], deny: ['*.peers.test'] })

    for (const [name, ask] of questions(roomId, eventId)) {
      expect([name, ...refusalOf(await ask(bob))]).toEqual([name, 403, 'M_FORBIDDEN'])
    }
    expect(refusalOf(await bob.get(`event/${enc(eventId)}`))).toEqual([404, 'M_NOT_FOUND'])
    expect(refusalOf(await bob.get(`hierarchy/${enc(roomId)}`))).toEqual([404, 'M_NOT_FOUND'])
    for (const membership of ['join', 'leave', 'knock'] as const) {
      expect([membership, ...refusalOf(await eve.template(membership, roomId))]).toEqual([
        membership,
        403,
        'M_FORBIDDEN',
      ])
    }
    const join = eve.build(templates.join.body)
    expect(refusalOf(await eve.submit('join', roomId, join))).toEqual([403, 'M_FORBIDDEN'])
    expect(refusalOf(await eve.submit('join', roomId, join, { version: 'v1' }))).toEqual([403, 'M_FORBIDDEN'])
    const leave = bob.build(templates.leave.body)
    expect(refusalOf(await bob.submit('leave', roomId, leave))).toEqual([403, 'M_FORBIDDEN'])
    expect(refusalOf(await bob.submit('leave', roomId, leave, { version: 'v1' }))).toEqual([403, 'M_FORBIDDEN'])
    expect(refusalOf(await eve.submit('knock', roomId, knock))).toEqual([403, 'M_FORBIDDEN'])
  })
})
