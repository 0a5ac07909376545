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

const membershipOf = async (roomId: string, userId: string) => {
  const members = await alice.get(`rooms/${encodeURIComponent(roomId)}/members`)
  const events = members['chunk'] as { state_key: string; content: JsonObject }[]
  return events.find(({ state_key: stateKey }) => stateKey === userId)?.content['membership']
}

describe('make_leave and send_leave', () => {
  it.each(Object.keys(roomVersions))('let a user of another server leave a room of version %s', async (versionId) => {
    const roomId = await alice.createRoom({ preset: 'public_chat', room_version: versionId })
    await bob.join(roomId)
    const { answer } = await bob.change('leave', roomId)
    expect([answer.status, answer.body]).toEqual([200, {}])
    expect(await membershipOf(roomId, bob.userId)).toBe('leave')
  })

  it('answer in a list in the first version', async () => {
    const roomId = await alice.createRoom({ preset: 'public_chat' })
    await bob.join(roomId)
    const { answer } = await bob.change('leave', roomId, { version: 'v1' })
    expect([answer.status, answer.text]).toEqual([200, '[200,{}]'])
  })

  it('[SEC-152] are for members, of the server that asks, of rooms that somebody is in', async () => {
    const roomId = await alice.createRoom({ preset: 'public_chat' })
    expect(refusalOf(await bob.template('leave', roomId))).toEqual([403, 'M_FORBIDDEN'])
    expect(refusalOf(await bob.template('leave', roomId, { userId: alice.userId }))).toEqual([403, 'M_FORBIDDEN'])
    expect(refusalOf(await bob.template('leave', '!unknown:hearth.test'))).toEqual([404, 'M_NOT_FOUND'])
  })

  it('[SEC-153] [SEC-154] [S-18] take the leaving of its sender, as its path names it, and nothing else', async () => {
    const roomId = await alice.createRoom({ preset: 'public_chat' })
    await bob.join(roomId)
    const template = (await bob.template('leave', roomId)).body
    for (const change of [
      { content: { membership: 'ban' } },
      { content: { membership: 'join' } },
      { state_key: alice.userId },
      { type: 'm.room.topic', state_key: '' },
    ]) {
      const answer = await bob.submit('leave', roomId, bob.build(template, change))
      expect([change, ...refusalOf(answer)]).toEqual([change, 400, 'M_INVALID_PARAM'])
    }
    const leave = bob.build(template)
    const other = await alice.createRoom({ preset: 'public_chat' })
    expect(refusalOf(await bob.submit('leave', other, leave))).toEqual([400, 'M_INVALID_PARAM'])
    const eve = await hearth.peerUser('eve')
    expect(refusalOf(await eve.submit('leave', roomId, leave))).toEqual([403, 'M_FORBIDDEN'])
    expect(refusalOf(await bob.submit('leave', roomId, eve.build(template)))).toEqual([403, 'M_FORBIDDEN'])
    const kick = bob.build(template, { sender: bob.userId, state_key: alice.userId })
    expect(refusalOf(await bob.submit('leave', roomId, kick))).toEqual([400, 'M_INVALID_PARAM'])
    expect(await membershipOf(roomId, bob.userId)).toBe('join')
    expect(await membershipOf(roomId, alice.userId)).toBe('join')
  })
})
