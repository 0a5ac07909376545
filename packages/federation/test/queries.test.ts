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

describe('GET /query/directory', () => {
  const resolve = (alias: string) => bob.get(`query/directory?room_alias=${enc(alias)}`)

  it('[H-30] tells the room of an alias, and which servers are in it', async () => {
    const roomId = await alice.createRoom({ preset: 'public_chat', room_alias_name: 'town-square' })
    expect((await resolve('#town-square:hearth.test')).body).toEqual({ room_id: roomId, servers: ['hearth.test'] })
    await bob.join(roomId)
    const { servers } = (await resolve('#town-square:hearth.test')).body
    expect((servers as string[]).sort()).toEqual(['hearth.test', bob.peer.name].sort())
  })

  it('knows nothing of others', async () => {
    expect(refusalOf(await resolve('#nowhere:hearth.test'))).toEqual([404, 'M_NOT_FOUND'])
    expect(refusalOf(await resolve('#town-square:elsewhere.test'))).toEqual([404, 'M_NOT_FOUND'])
    expect(refusalOf(await resolve('town-square'))).toEqual([400, 'M_INVALID_PARAM'])
    expect(refusalOf(await bob.get('query/directory'))).toEqual([400, 'M_MISSING_PARAM'])
  })
})

describe('GET /query/profile', () => {
  const profile = (userId: string, field?: string) =>
    bob.get(`query/profile?user_id=${enc(userId)}${field === undefined ? '' : `&field=${enc(field)}`}`)

  it('[H-30] tells what users of this server show of themselves', async () => {
    await alice.put(`profile/${enc(alice.userId)}/displayname`, { displayname: 'Alice' })
    await alice.put(`profile/${enc(alice.userId)}/avatar_url`, { avatar_url: 'mxc://hearth.test/a' })
    await alice.put(`profile/${enc(alice.userId)}/org.example.mood`, { 'org.example.mood': 'fine' })
    expect((await profile(alice.userId)).body).toEqual({
      displayname: 'Alice',
      avatar_url: 'mxc://hearth.test/a',
      'org.example.mood': 'fine',
    })
    expect((await profile(alice.userId, 'displayname')).body).toEqual({ displayname: 'Alice' })
    expect((await profile(alice.userId, 'org.example.mood')).body).toEqual({ 'org.example.mood': 'fine' })
  })

  it('[SEC-161] knows nothing of users of other servers, of unknown ones, and of fields that are not set', async () => {
    expect(refusalOf(await profile('@nobody:hearth.test'))).toEqual([404, 'M_NOT_FOUND'])
    expect(refusalOf(await profile(bob.userId))).toEqual([404, 'M_NOT_FOUND'])
    expect(refusalOf(await profile('@x:elsewhere.test'))).toEqual([404, 'M_NOT_FOUND'])
    expect(refusalOf(await profile(alice.userId, 'org.example.unset'))).toEqual([404, 'M_NOT_FOUND'])
    expect(refusalOf(await profile(alice.userId, '__proto__'))).toEqual([400, 'M_INVALID_PARAM'])
    expect(refusalOf(await profile('alice'))).toEqual([400, 'M_INVALID_PARAM'])
    expect(refusalOf(await bob.get('query/profile'))).toEqual([400, 'M_MISSING_PARAM'])
  })
})

describe('GET /version', () => {
  it('is told anybody', async () => {
    const { status, body } = await hearth.server.anonymous.request('GET', '/_matrix/federation/v1/version')
    expect(status).toBe(200)
    expect(body).toEqual({ server: { name: 'Hearth', version: expect.stringMatching(/^\d+\.\d+\.\d+/) as string } })
  })
})
