import type { JsonObject } from '@hearth/protocol'
import type { TestClient } from '@hearth/test-kit'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { FederatedServer } from './fixtures/federated-server.ts'
import { refusalOf, type PeerUser } from './fixtures/peer-user.ts'

let hearth: FederatedServer
let alice: TestClient
let bob: PeerUser
let listed: Record<string, string>

beforeAll(async () => {
  hearth = await FederatedServer.start()
  alice = await hearth.register('alice')
  bob = await hearth.peerUser()
  const list = (name: string, options: JsonObject = {}) =>
    alice.createRoom({ preset: 'public_chat', visibility: 'public', name, ...options })
  listed = {
    apples: await list('Apples', { topic: 'Fruit' }),
    pears: await list('Pears'),
    orchard: await list('Orchard', { creation_content: { type: 'm.space' } }),
  }
  await alice.createRoom({ preset: 'public_chat', name: 'Not listed' })
})

afterAll(() => hearth[Symbol.asyncDispose]())

const idsIn = ({ chunk }: JsonObject) => (chunk as { room_id: string }[]).map(({ room_id: roomId }) => roomId).sort()
const all = () => Object.values(listed).sort()

describe('GET and POST /publicRooms', () => {
  it('list the rooms that are published here', async () => {
    const { status, body } = await bob.get('publicRooms')
    expect([status, idsIn(body), body['total_room_count_estimate']]).toEqual([200, all(), 3])
    expect(body['chunk']).toContainEqual(
      expect.objectContaining({ name: 'Apples', topic: 'Fruit', num_joined_members: 1, join_rule: 'public' }),
    )
    expect(idsIn((await bob.post('publicRooms', {})).body)).toEqual(all())
  })

  it('go on from page to page, both ways', async () => {
    const first = (await bob.get('publicRooms?limit=2')).body
    const second = (await bob.get(`publicRooms?limit=2&since=${first['next_batch'] as string}`)).body
    expect([...idsIn(first), ...idsIn(second)].sort()).toEqual(all())
    expect(second).not.toHaveProperty('next_batch')
    const back = (await bob.post('publicRooms', { limit: 2, since: second['prev_batch']! })).body
    expect(idsIn(back)).toEqual(idsIn(first))
    expect(refusalOf(await bob.get('publicRooms?since=x'))).toEqual([400, 'M_INVALID_PARAM'])
    expect(refusalOf(await bob.get('publicRooms?limit=-1'))).toEqual([400, 'M_INVALID_PARAM'])
  })

  it('list what a filter matches', async () => {
    const matching = async (filter: JsonObject) => idsIn((await bob.post('publicRooms', { filter })).body)
    expect(await matching({ generic_search_term: 'FRUIT' })).toEqual([listed['apples']])
    expect(await matching({ room_types: ['m.space'] })).toEqual([listed['orchard']])
    expect(await matching({ room_types: [null], generic_search_term: 'pear' })).toEqual([listed['pears']])
    const silent = { filter: null, limit: null, since: null, third_party_instance_id: null }
    expect(idsIn((await bob.post('publicRooms', silent)).body)).toEqual(all())
  })

  it('list no rooms of networks that there are not', async () => {
    expect(idsIn((await bob.get('publicRooms?third_party_instance_id=irc')).body)).toEqual([])
    expect(idsIn((await bob.post('publicRooms', { third_party_instance_id: 'irc' })).body)).toEqual([])
  })
})

describe('a list of rooms that is for users only', () => {
  it('[SEC-162] is shown neither to other servers nor to those who are not logged in', async () => {
    await using closed = await FederatedServer.start({ settings: { HEARTH_ROOMS_DIRECTORY: 'users' } })
    const [carol, dora] = [await closed.register('carol'), await closed.peerUser('dora')]
    const roomId = await carol.createRoom({ preset: 'public_chat', visibility: 'public', name: 'Ours' })
    const refused = [
      await dora.get('publicRooms'),
      await dora.post('publicRooms', {}),
      await closed.server.anonymous.request('GET', 'publicRooms'),
      await closed.server.anonymous.request('GET', '/_matrix/client/api/v1/publicRooms'),
    ]
    for (const answer of refused) {
      expect(refusalOf(answer)).toEqual([403, 'M_FORBIDDEN'])
      expect(answer.text).not.toContain('Ours')
    }
    expect(idsIn(await carol.get('publicRooms'))).toEqual([roomId])
    expect(idsIn(await carol.post('publicRooms', {}))).toEqual([roomId])
    expect(idsIn(await carol.get('/_matrix/client/api/v1/publicRooms'))).toEqual([roomId])
  })
})
