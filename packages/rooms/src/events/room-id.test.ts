import { describe, expect, it } from 'vitest'
import { TestRoom, versionIds } from '../../test/test-room.ts'
import { createEventIdOf, roomIdOf } from './room-id.ts'

describe.each(versionIds)('the id of a room of version %s', (id) => {
  const room = new TestRoom(id)

  it('is the same for all of its events', () => {
    const roomId = roomIdOf(room.version, room.create)
    expect(roomId).toBe(id === '12' ? '!1' : '!room:hs1')
    expect(roomIdOf(room.version, room.event({ type: 'm.room.message', sender: '@alice:hs1' }))).toBe(roomId)
  })
})

it('names the create event since version 12', () => {
  const room = new TestRoom('12')
  expect(createEventIdOf(roomIdOf(room.version, room.create))).toBe(room.create.eventId)
})
