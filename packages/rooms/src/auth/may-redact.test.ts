import { describe, expect, it } from 'vitest'
import { TestRoom, versionIds } from '../../test/test-room.ts'
import { mayRedact } from './may-redact.ts'

const [alice, bob, carol, dave] = ['@alice:hs1', '@bob:hs1', '@carol:hs1', '@dave:hs2'] as const

describe.each(versionIds)('a redaction in room version %s', (id) => {
  const room = new TestRoom(id)
  room.powerLevels({ redact: 50, users: { [dave]: 50 } })
  const message = room.event({ type: 'm.room.message', sender: alice })

  function takesEffect(sender: string): boolean {
    return mayRedact(room.version, room.event({ type: 'm.room.redaction', sender }), message, room.state)
  }

  it('takes effect with the redact level', () => {
    expect(takesEffect(dave)).toBe(true)
  })

  it('takes effect on what the same server sent', () => {
    expect(takesEffect(bob)).toBe(true)
    expect(takesEffect(carol)).toBe(true)
  })

  it('takes no effect otherwise', () => {
    room.powerLevels({ redact: 51, users: { [dave]: 50 } })
    // Event ids of the first versions all name hs1 here, whoever the sender is.
    expect(takesEffect(dave)).toBe(Number(id) <= 2)
  })
})
