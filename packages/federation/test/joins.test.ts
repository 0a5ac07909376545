import { canonicalJson } from '@hearth/crypto'
import { isJsonObject, type JsonObject } from '@hearth/protocol'
import { addSignature, roomVersions, type BuiltEvent, type EventDraft, type Pdu } from '@hearth/rooms'
import type { TestClient } from '@hearth/test-kit'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { FederatedServer } from './fixtures/federated-server.ts'
import { refusalOf, versionOf, type PeerUser } from './fixtures/peer-user.ts'

let hearth: FederatedServer
let alice: TestClient
let bob: PeerUser

beforeAll(async () => {
  hearth = await FederatedServer.start()
  alice = await hearth.register('alice')
  bob = await hearth.peerUser()
})

afterAll(() => hearth[Symbol.asyncDispose]())

const publicRoom = (options: JsonObject = {}) => alice.createRoom({ preset: 'public_chat', ...options })

const membershipOf = async (roomId: string, userId: string) => {
  const members = await alice.get(`rooms/${encodeURIComponent(roomId)}/members`)
  const events = members['chunk'] as { state_key: string; content: JsonObject }[]
  return events.find(({ state_key: stateKey }) => stateKey === userId)?.content['membership']
}

const typesOf = (events: unknown) => (events as { type: string }[]).map(({ type }) => type)

describe.each(Object.keys(roomVersions))('a room of version %s', (versionId) => {
  it('is joined by a user of another server, who is told its state and what authorizes it', async () => {
    const roomId = await publicRoom({ room_version: versionId, name: 'A room' })
    const template = await bob.template('join', roomId)
    expect(template.body).toMatchObject({
      room_version: versionId,
      event: {
        type: 'm.room.member',
        room_id: roomId,
        sender: bob.userId,
        state_key: bob.userId,
        content: { membership: 'join' },
      },
    })
    const { auth_events: authEvents, prev_events: prevEvents } = template.body['event'] as unknown as EventDraft
    expect(authEvents.length).toBeGreaterThan(0)
    expect(prevEvents).toHaveLength(1)
    expect(template.body['event']).not.toHaveProperty('signatures')
    expect(template.body['event']).not.toHaveProperty('hashes')

    const event = bob.build(template.body)
    const answer = await bob.submit('join', roomId, event)
    expect(answer.status).toBe(200)
    const { state, auth_chain: authChain, event: joined } = answer.body
    expect(typesOf(state)).toEqual(
      expect.arrayContaining([
        'm.room.create',
        'm.room.member',
        'm.room.power_levels',
        'm.room.join_rules',
        'm.room.name',
      ]),
    )
    expect(state).not.toContainEqual(expect.objectContaining({ state_key: bob.userId }))
    expect(typesOf(authChain)).toEqual(expect.arrayContaining(['m.room.create', 'm.room.member', 'm.room.join_rules']))
    expect(joined).toEqual(event.pdu)
    expect(answer.body['members_omitted']).toBe(false)
    expect(await membershipOf(roomId, bob.userId)).toBe('join')
  })
})

describe('make_join', () => {
  it('[SEC-152] is for users of the server that asks, versions that it knows, and rooms that somebody is in', async () => {
    const roomId = await publicRoom({ room_version: '9' })
    expect(refusalOf(await bob.template('join', roomId, { userId: '@x:elsewhere.test' }))).toEqual([403, 'M_FORBIDDEN'])
    expect(refusalOf(await bob.template('join', roomId, { userId: alice.userId }))).toEqual([403, 'M_FORBIDDEN'])
    const incompatible = await bob.template('join', roomId, { versions: ['1', '8', '10'] })
    expect(refusalOf(incompatible)).toEqual([400, 'M_INCOMPATIBLE_ROOM_VERSION'])
    expect(incompatible.body['room_version']).toBe('9')
    // Who says nothing knows the first version.
    expect(refusalOf(await bob.template('join', roomId, { versions: [] }))).toEqual([
      400,
      'M_INCOMPATIBLE_ROOM_VERSION',
    ])
    expect(refusalOf(await bob.template('join', '!unknown:hearth.test'))).toEqual([404, 'M_NOT_FOUND'])
    await alice.leave(roomId)
    expect(refusalOf(await bob.template('join', roomId))).toEqual([404, 'M_NOT_FOUND'])
  })

  it('is refused where the join would be', async () => {
    const invited = await alice.createRoom({ preset: 'private_chat' })
    expect(refusalOf(await bob.template('join', invited))).toEqual([403, 'M_FORBIDDEN'])
    const roomId = await publicRoom()
    await alice.post(`rooms/${encodeURIComponent(roomId)}/ban`, { user_id: bob.userId })
    expect(refusalOf(await bob.template('join', roomId))).toEqual([403, 'M_FORBIDDEN'])
    const own = await publicRoom({ creation_content: { 'm.federate': false } })
    expect(refusalOf(await bob.template('join', own))).toEqual([403, 'M_FORBIDDEN'])
  })

  it('takes no other identifiers', async () => {
    expect(refusalOf(await bob.get(`make_join/notaroom/${bob.userId}`))).toEqual([400, 'M_INVALID_PARAM'])
    expect(refusalOf(await bob.get(`make_join/${encodeURIComponent('!a:b')}/bob`))).toEqual([400, 'M_INVALID_PARAM'])
  })
})

describe('send_join', () => {
  const prepare = async (options: JsonObject = {}) => {
    const roomId = await publicRoom(options)
    const template = await bob.template('join', roomId)
    return { roomId, template: template.body, draft: template.body['event'] as unknown as EventDraft }
  }

  it('[H-31] has an answer in a list in its first version', async () => {
    const roomId = await publicRoom()
    const { answer } = await bob.change('join', roomId, { version: 'v1' })
    expect(answer.status).toBe(200)
    const [status, body] = JSON.parse(answer.text) as [number, JsonObject]
    expect([status, isJsonObject(body)]).toEqual([200, true])
    expect(typesOf(body['state'])).toContain('m.room.create')
    expect(body['origin']).toBe('hearth.test')
  })

  it('comes to the same when it is repeated', async () => {
    const { roomId, template } = await prepare()
    const event = bob.build(template)
    const first = await bob.submit('join', roomId, event)
    const again = await bob.submit('join', roomId, event)
    expect(again.status).toBe(200)
    expect(again.body).toEqual(first.body)
  })

  it('gives the state before the join, and the one that a rejoin replaces', async () => {
    const roomId = await publicRoom()
    await bob.join(roomId)
    await bob.change('leave', roomId)
    const { state } = await bob.join(roomId)
    const own = (state as { state_key?: string; content: JsonObject }[]).filter(
      (event) => event.state_key === bob.userId,
    )
    expect(own.map(({ content }) => content['membership'])).toEqual(['leave'])
  })

  it('tells the other servers in the room, and not the one that sent it', async () => {
    const roomId = await publicRoom()
    const [carol, dora] = [await hearth.peerUser('carol'), await hearth.peerUser('dora')]
    await carol.join(roomId)
    const { event } = await dora.join(roomId)
    const { event: leave } = await dora.change('leave', roomId)
    const heard = () => carol.peer.requestsTo(/\/send\//).flatMap(({ body }) => body['pdus'] as JsonObject[])
    await expect.poll(() => heard()).toEqual(expect.arrayContaining([event.pdu, leave.pdu]))
    expect(dora.peer.requestsTo(/\/send\//)).toEqual([])
  })

  it('[SEC-153] takes joins only, of their senders', async () => {
    const { roomId, template, draft } = await prepare()
    const changes: Partial<EventDraft>[] = [
      { type: 'm.room.message' },
      { content: { membership: 'leave' } },
      { content: { membership: 'ban' } },
      { content: {} },
      { state_key: `@other:${bob.peer.name}` },
      { state_key: alice.userId },
      { state_key: '' },
    ]
    for (const change of changes) {
      const answer = await bob.submit('join', roomId, bob.build(template, change))
      expect([change, ...refusalOf(answer)]).toEqual([change, 400, 'M_INVALID_PARAM'])
    }
    const { state_key: _, ...message } = draft
    const answer = await bob.submit('join', roomId, bob.build({ ...template, event: message }))
    expect(refusalOf(answer)).toEqual([400, 'M_INVALID_PARAM'])
    expect(await membershipOf(roomId, bob.userId)).toBeUndefined()
  })

  it('[SEC-153] lets nobody in who has been banned meanwhile', async () => {
    const { roomId, template } = await prepare()
    await alice.post(`rooms/${encodeURIComponent(roomId)}/ban`, { user_id: bob.userId })
    expect(refusalOf(await bob.submit('join', roomId, bob.build(template)))).toEqual([403, 'M_FORBIDDEN'])
    expect(await membershipOf(roomId, bob.userId)).toBe('ban')
  })

  it('[SEC-154] takes the event that its path names, of that room', async () => {
    const { roomId, template } = await prepare()
    const event = bob.build(template)
    const other = await publicRoom()
    expect(refusalOf(await bob.submit('join', other, event))).toEqual([400, 'M_INVALID_PARAM'])
    const renamed = { ...event, eventId: bob.build(template, { depth: 99 }).eventId }
    expect(refusalOf(await bob.submit('join', roomId, renamed))).toEqual([400, 'M_INVALID_PARAM'])
    expect(await membershipOf(roomId, bob.userId)).toBeUndefined()
  })

  it('says what is no event at all, to who has signed it', async () => {
    const { roomId, template, draft } = await prepare()
    const event = bob.build(template)
    const { hashes: _, ...withoutHashes } = event.pdu
    const malformed: JsonObject[] = [
      { ...event.pdu, depth: -1 },
      { ...event.pdu, prev_events: {} },
      withoutHashes,
      { ...event.pdu, content: null },
      { ...event.pdu, signatures: 5 },
      { ...event.pdu, signatures: { [bob.peer.name]: null } },
      {},
    ]
    const path = `v2/send_join/${encodeURIComponent(roomId)}/${encodeURIComponent(event.eventId)}`
    for (const pdu of malformed) expect(refusalOf(await bob.put(path, pdu))).toEqual([403, 'M_FORBIDDEN'])
    const unhashed: JsonObject = { ...draft, hashes: {}, signatures: {} }
    const signed = addSignature(versionOf('12'), { eventId: event.eventId, pdu: unhashed as Pdu }, bob.signer)
    expect(refusalOf(await bob.put(path, signed.pdu))).toEqual([400, 'M_BAD_JSON'])
  })

  it.each(['v1', 'v2'])('[S-18] takes no %s joins that another server has signed or sent', async (version) => {
    const { roomId, template } = await prepare()
    const eve = await hearth.peerUser('eve')
    const forged = eve.build(template)
    expect(refusalOf(await bob.submit('join', roomId, forged, { version }))).toEqual([403, 'M_FORBIDDEN'])
    expect(refusalOf(await eve.submit('join', roomId, bob.build(template), { version }))).toEqual([403, 'M_FORBIDDEN'])
    const unsigned = bob.build(template)
    const pdu = { ...unsigned.pdu, signatures: {} }
    expect(refusalOf(await bob.submit('join', roomId, { ...unsigned, pdu }, { version }))).toEqual([403, 'M_FORBIDDEN'])
    expect(await membershipOf(roomId, bob.userId)).toBeUndefined()
  })

  it('[S-28] [S-67] takes no numbers that others could not read', async () => {
    const { roomId, template } = await prepare()
    const event = bob.build(template)
    const numbers = ['-1', '1.5', '9007199254740992', '9223372036854775807', '1e400', 'NaN', '"5"', 'null']
    for (const depth of numbers) {
      const text = canonicalJson({ ...event.pdu, depth: 0 }).replace('"depth":0', `"depth":${depth}`)
      const target = `/_matrix/federation/v2/send_join/${encodeURIComponent(roomId)}/${encodeURIComponent(event.eventId)}`
      const answer = await bob.sendText('PUT', target, text)
      expect([depth, [400, 403].includes(answer.status)]).toEqual([depth, true])
    }
    await alice.sendText(roomId, 'still here')
    expect(await membershipOf(roomId, bob.userId)).toBeUndefined()
  })

  it('is refused for a room that nobody here is in', async () => {
    const { roomId, template } = await prepare()
    const event = bob.build(template)
    await alice.leave(roomId)
    expect(refusalOf(await bob.submit('join', roomId, event))).toEqual([404, 'M_NOT_FOUND'])
  })

  it('leaves the members out for those who can do without, but whom a nameless room is named after', async () => {
    const carol = await hearth.register('carol')
    const omitting = { query: '?omit_members=true' }
    const named = await publicRoom({ name: 'A room' })
    await carol.join(named)
    const { answer } = await bob.change('join', named, omitting)
    expect(answer.body).toMatchObject({ members_omitted: true, servers_in_room: ['hearth.test'] })
    expect(typesOf(answer.body['state'])).not.toContain('m.room.member')
    const chain = answer.body['auth_chain'] as { type: string; state_key: string }[]
    // What authorizes the state and the join, without what is in the state.
    expect(chain.filter(({ type }) => type === 'm.room.member').map((event) => event.state_key)).toContain(alice.userId)
    expect(typesOf(chain)).not.toContain('m.room.create')

    const nameless = await publicRoom()
    await carol.join(nameless)
    const second = await bob.change('join', nameless, omitting)
    const members = (second.answer.body['state'] as { type: string; state_key: string }[])
      .filter(({ type }) => type === 'm.room.member')
      .map((event) => event.state_key)
    expect(members.sort()).toEqual([alice.userId, carol.userId].sort())
    const dora = await hearth.peerUser('dora')
    const third = await dora.change('join', nameless, omitting)
    expect((third.answer.body['servers_in_room'] as string[]).sort()).toEqual(['hearth.test', bob.peer.name].sort())
  })
})

describe.each(['8', '9', '10', '12'])('a restricted room of version %s', (versionId) => {
  const restrictedTo = (...allowed: string[]) =>
    publicRoom({
      room_version: versionId,
      initial_state: [
        {
          type: 'm.room.join_rules',
          content: {
            join_rule: 'restricted',
            allow: allowed.map((roomId) => ({ type: 'm.room_membership', room_id: roomId })),
          },
        },
      ],
    })

  it('lets members of the other room in, with the signature of the server whose user vouches for them', async () => {
    const space = await publicRoom({ room_version: versionId })
    await bob.join(space)
    const roomId = await restrictedTo(space)
    const { event, answer } = await bob.change('join', roomId)
    expect(answer.status).toBe(200)
    expect(event.pdu.content['join_authorised_via_users_server']).toBe(alice.userId)
    const signed = answer.body['event'] as unknown as BuiltEvent['pdu']
    expect(Object.keys(signed.signatures).sort()).toEqual(['hearth.test', bob.peer.name].sort())
    expect({ ...signed, signatures: undefined }).toEqual({ ...event.pdu, signatures: undefined })
    expect(await membershipOf(roomId, bob.userId)).toBe('join')
  })

  it('tells the others whether anybody else could let them in', async () => {
    const space = await publicRoom({ room_version: versionId })
    const closed = await restrictedTo(space)
    expect(refusalOf(await bob.template('join', closed))).toEqual([403, 'M_FORBIDDEN'])
    const elsewhere = await restrictedTo(space, '!room:elsewhere.test')
    expect(refusalOf(await bob.template('join', elsewhere))).toEqual([400, 'M_UNABLE_TO_AUTHORISE_JOIN'])
    await bob.join(space)
    const powerless = await restrictedTo(space)
    const carol = await hearth.register(`carol${versionId}`)
    await alice.invite(powerless, carol.userId)
    await carol.join(powerless)
    await alice.setState(powerless, 'm.room.power_levels', {
      ...(await alice.get(`rooms/${encodeURIComponent(powerless)}/state/m.room.power_levels`)),
      invite: 50,
    })
    await alice.leave(powerless)
    expect(refusalOf(await bob.template('join', powerless))).toEqual([400, 'M_UNABLE_TO_GRANT_JOIN'])
  })

  it('[SEC-134] lets nobody in whom no user of this server has authorised', async () => {
    const space = await publicRoom({ room_version: versionId })
    const roomId = await restrictedTo(space)
    await bob.join(space)
    const template = (await bob.template('join', roomId)).body
    const content = { membership: 'join' }
    expect(refusalOf(await bob.submit('join', roomId, bob.build(template, { content })))).toEqual([403, 'M_FORBIDDEN'])
    const byOther = bob.build(template, {
      content: { ...content, join_authorised_via_users_server: '@x:elsewhere.test' },
    })
    expect(refusalOf(await bob.submit('join', roomId, byOther))).toEqual([400, 'M_INVALID_PARAM'])
    // The condition is checked when the join comes, not only when it was asked for.
    await bob.change('leave', space)
    expect(refusalOf(await bob.submit('join', roomId, bob.build(template)))).toEqual([403, 'M_FORBIDDEN'])
    expect(await membershipOf(roomId, bob.userId)).toBeUndefined()
  })
})
