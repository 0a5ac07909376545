import type { JsonObject } from '@hearth/protocol'
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

const enc = encodeURIComponent
const space = (options: JsonObject = {}) =>
  alice.createRoom({ preset: 'public_chat', creation_content: { type: 'm.space' }, ...options })
const addChild = (spaceId: string, childId: string, content: JsonObject = {}) =>
  alice.setState(spaceId, 'm.space.child', { via: ['hearth.test'], ...content }, childId)
const hierarchy = (roomId: string, query = '') => bob.get(`hierarchy/${enc(roomId)}${query}`)
const idsIn = (rooms: unknown) => (rooms as { room_id: string }[]).map(({ room_id: roomId }) => roomId)

describe('GET /hierarchy', () => {
  it('shows a space, what it says of its rooms, and the rooms', async () => {
    const [root, room, subspace] = [
      await space({ name: 'Root' }),
      await alice.createRoom({ preset: 'public_chat' }),
      await space(),
    ]
    await addChild(root, room, { order: 'a' })
    await addChild(root, subspace, { order: 'b', suggested: true })
    await addChild(root, '!unknown:elsewhere.test', { order: 'c' })
    const { status, body } = await hierarchy(root)
    expect(status).toBe(200)
    expect(body['room']).toMatchObject({
      room_id: root,
      name: 'Root',
      room_type: 'm.space',
      num_joined_members: 1,
      children_state: [
        { type: 'm.space.child', state_key: room, sender: alice.userId, content: { via: ['hearth.test'], order: 'a' } },
        { state_key: subspace },
        { state_key: '!unknown:elsewhere.test' },
      ],
    })
    expect(idsIn(body['children'])).toEqual([room, subspace])
    // Of a room that nobody here knows, others may know more.
    expect(body['inaccessible_children']).toEqual([])
    const suggested = (await hierarchy(root, '?suggested_only=true')).body
    expect(idsIn(suggested['children'])).toEqual([subspace])
  })

  it('shows a room that is no space by itself', async () => {
    const room = await alice.createRoom({ preset: 'public_chat' })
    const { body } = await hierarchy(room)
    expect(body['room']).toMatchObject({ room_id: room, children_state: [] })
    expect(body['children']).toEqual([])
  })

  it('[S-43] shows nothing of rooms that users of the server could not join, but that there are some', async () => {
    const root = await space()
    const secret = await alice.createRoom({ preset: 'private_chat', name: 'Secret plans', topic: 'plans' })
    await addChild(root, secret)
    const answer = await hierarchy(root)
    expect(answer.body['inaccessible_children']).toEqual([secret])
    expect(answer.body['children']).toEqual([])
    expect(answer.text).not.toContain('plans')
    const refused = await hierarchy(secret)
    expect(refusalOf(refused)).toEqual([404, 'M_NOT_FOUND'])
    expect((await hierarchy('!unknown:hearth.test')).text).toBe(refused.text)
  })

  it('shows what users of the server may join by condition, are in, or may read', async () => {
    const root = await space()
    const restricted = await alice.createRoom({
      preset: 'private_chat',
      initial_state: [
        {
          type: 'm.room.join_rules',
          content: { join_rule: 'restricted', allow: [{ type: 'm.room_membership', room_id: root }] },
        },
      ],
    })
    const readable = await alice.createRoom({
      preset: 'private_chat',
      initial_state: [{ type: 'm.room.history_visibility', content: { history_visibility: 'world_readable' } }],
    })
    const joined = await alice.createRoom({ preset: 'public_chat' })
    for (const child of [restricted, readable, joined]) await addChild(root, child)
    await bob.join(joined)
    await alice.setState(joined, 'm.room.join_rules', { join_rule: 'invite' })
    const outside = (await hierarchy(root)).body
    expect(idsIn(outside['children']).sort()).toEqual([readable, joined].sort())
    expect(outside['inaccessible_children']).toEqual([restricted])
    await bob.join(root)
    const inside = (await hierarchy(root)).body
    expect(idsIn(inside['children']).sort()).toEqual([restricted, readable, joined].sort())
    expect(inside['children']).toContainEqual(
      expect.objectContaining({ room_id: restricted, join_rule: 'restricted', allowed_room_ids: [root] }),
    )
  })
})
