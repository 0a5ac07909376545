import { describe, expect, it } from 'vitest'
import { TestRoom, versionIds, versionsBetween } from '../../test/test-room.ts'
import { requiredSigners } from './required-signers.ts'

const [alice, dave] = ['@alice:hs1', '@dave:hs2'] as const

describe.each(versionIds)('an event of room version %s', (id) => {
  const room = new TestRoom(id)
  // The events of this room have ids of hs1, where ids name a server.
  const ofEventId = Number(id) <= 2 ? ['hs1'] : []

  it("must be signed by the sender's server, and that of the event id", () => {
    expect(requiredSigners(room.version, room.event({ type: 'm.room.message', sender: dave }))).toEqual([
      'hs2',
      ...ofEventId,
    ])
    expect(requiredSigners(room.version, room.event({ type: 'm.room.message', sender: alice }))).toEqual(['hs1'])
  })

  it("need not be signed by the sender's server if it redeems a third-party invite", () => {
    const content = { membership: 'invite', third_party_invite: { signed: {} } }
    const invite = room.event({ type: 'm.room.member', sender: dave, state_key: alice, content })
    expect(requiredSigners(room.version, invite)).toEqual(ofEventId)
    const join = room.event({
      type: 'm.room.member',
      sender: dave,
      state_key: dave,
      content: { ...content, membership: 'join' },
    })
    expect(requiredSigners(room.version, join)).toContain('hs2')
  })
})

describe.each(versionsBetween(8, 12))('a restricted join in room version %s', (id) => {
  it('must be signed by the server of the authorising user (4.2, since 12 5.2)', () => {
    const room = new TestRoom(id)
    const content = { membership: 'join', join_authorised_via_users_server: alice }
    const join = room.event({ type: 'm.room.member', sender: dave, state_key: dave, content })
    expect(requiredSigners(room.version, join)).toEqual(['hs2', 'hs1'])
  })
})
