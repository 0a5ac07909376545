import { describe, expect, it } from 'vitest'
import { TestRoom, versionIds } from '../../test/test-room.ts'
import { redactionTarget } from './redaction.ts'

describe.each(versionIds)('the target of a redaction in room version %s', (id) => {
  const room = new TestRoom(id)
  const target = (fields: object) =>
    redactionTarget(room.version, room.event({ type: 'm.room.redaction', sender: '@alice:hs1', ...fields }).pdu)

  it('is named at the top until version 10, and in the content since 11', () => {
    expect(target({ redacts: '$top', content: { redacts: '$content' } })).toBe(Number(id) <= 10 ? '$top' : '$content')
    expect(target({})).toBeUndefined()
    expect(target({ redacts: 1, content: { redacts: 1 } })).toBeUndefined()
  })

  it('is none for other events', () => {
    const fields = { type: 'm.room.message', redacts: '$top', content: { redacts: '$content' } }
    expect(target(fields)).toBeUndefined()
  })
})
