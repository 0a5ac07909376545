import type { JsonObject } from '@hearth/protocol'
import { roomVersions } from '@hearth/rooms'
import type { TestClient } from '@hearth/test-kit'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { FederatedServer } from './fixtures/federated-server.ts'
import { refusalOf, type PeerUser } from './fixtures/peer-user.ts'

let hearth: FederatedServer
let alice: TestClient
let bob: PeerUser

beforeAll(async () => {
  hearth = await FederatedServer.start()
  alice = await hearth.register('alice')
  bob = await hearth.peerUser()
})

afterAll(() => hearth[Symbol.asyncDispose]())

const roomWithRule = (rule: string, options: JsonObject = {}) =>
  alice.createRoom({
    preset: 'private_chat',
    initial_state: [{ type: 'm.room.join_rules', content: { join_rule: rule } }],
    ...options,
  })
const knockable = Object.values(roomVersions).filter((version) => version.joinRules.knockable.includes('knock'))

describe('make_knock and send_knock', () => {
  it.each(knockable.map(({ id }) => id))('let a user of another server knock at a room of version %s', async (id) => {
    const roomId = await roomWithRule('knock', { room_version: id, name: 'Behind a door' })
    const { answer } = await bob.change('knock', roomId, { content: { reason: 'May I?' } })
    expect(answer.status).toBe(200)
    const state = answer.body['knock_room_state'] as JsonObject[]
    expect(state.map(({ type }) => type)).toEqual(
      expect.arrayContaining(['m.room.create', 'm.room.join_rules', 'm.room.name']),
    )
    // Whole events, which others can check.
    for (const event of state) expect(Object.keys(event['signatures'] as JsonObject)).toEqual(['hearth.test'])
    expect(JSON.stringify(state)).not.toContain('m.room.power_levels')
    const members = await alice.get(`rooms/${encodeURIComponent(roomId)}/members?membership=knock`)
    expect(members['chunk']).toMatchObject([{ state_key: bob.userId, content: { reason: 'May I?' } }])
  })

  it('are refused where nobody may knock, or not they', async () => {
    const closed = await roomWithRule('invite')
    expect(refusalOf(await bob.template('knock', closed))).toEqual([403, 'M_FORBIDDEN'])
    const old = await alice.createRoom({ preset: 'private_chat', room_version: '6' })
    expect(refusalOf(await bob.template('knock', old))).toEqual([403, 'M_FORBIDDEN'])
    const banned = await roomWithRule('knock')
    await alice.post(`rooms/${encodeURIComponent(banned)}/ban`, { user_id: bob.userId })
    expect(refusalOf(await bob.template('knock', banned))).toEqual([403, 'M_FORBIDDEN'])
  })

  it('[SEC-152] are for users of the server that asks, versions that it knows, and rooms that somebody is in', async () => {
    const roomId = await roomWithRule('knock', { room_version: '10' })
    expect(refusalOf(await bob.template('knock', roomId, { userId: alice.userId }))).toEqual([403, 'M_FORBIDDEN'])
    const incompatible = await bob.template('knock', roomId, { versions: ['7', '11'] })
    expect(refusalOf(incompatible)).toEqual([400, 'M_INCOMPATIBLE_ROOM_VERSION'])
    expect(incompatible.body['room_version']).toBe('10')
    expect(refusalOf(await bob.template('knock', roomId, { versions: [] }))).toEqual([400, 'M_MISSING_PARAM'])
    expect(refusalOf(await bob.template('knock', '!unknown:hearth.test'))).toEqual([404, 'M_NOT_FOUND'])
  })

  it('[SEC-153] [SEC-154] take the knock of its sender, as its path names it, and nothing else', async () => {
    const roomId = await roomWithRule('knock')
    const template = (await bob.template('knock', roomId)).body
    for (const change of [{ content: { membership: 'join' } }, { state_key: alice.userId }, { type: 'm.room.topic' }]) {
      const answer = await bob.submit('knock', roomId, bob.build(template, change))
      expect([change, ...refusalOf(answer)]).toEqual([change, 400, 'M_INVALID_PARAM'])
    }
    const knock = bob.build(template)
    expect(refusalOf(await bob.submit('knock', await roomWithRule('knock'), knock))).toEqual([400, 'M_INVALID_PARAM'])
    const eve = await hearth.peerUser('eve')
    expect(refusalOf(await eve.submit('knock', roomId, knock))).toEqual([403, 'M_FORBIDDEN'])
    await alice.setState(roomId, 'm.room.join_rules', { join_rule: 'invite' })
    expect(refusalOf(await bob.submit('knock', roomId, knock))).toEqual([403, 'M_FORBIDDEN'])
  })
})
