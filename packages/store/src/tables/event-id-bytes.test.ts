import type { EventId } from '@hearth/protocol'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { eventIdOf, storedEventId } from './event-id-bytes.ts'

const hash = fc.uint8Array({ minLength: 32, maxLength: 32 }).map((bytes) => Buffer.from(bytes))

function throughTheDatabase(eventId: string): string {
  const { bytes, spelling } = storedEventId(eventId as EventId)
  return eventIdOf(bytes, spelling)
}

describe('stored event ids', () => {
  it('keeps ids of room version 4 and later as 32 bytes', () => {
    fc.assert(
      fc.property(hash, (bytes) => {
        const eventId = `$${bytes.toString('base64url')}`
        expect(storedEventId(eventId as EventId).bytes).toEqual(bytes)
        expect(throughTheDatabase(eventId)).toBe(eventId)
      }),
    )
  })

  it('keeps ids of room version 3, spelled in standard base64, as 32 bytes', () => {
    fc.assert(
      fc.property(hash, (bytes) => {
        const eventId = `$${bytes.toString('base64').replaceAll('=', '')}`
        expect(storedEventId(eventId as EventId).bytes).toEqual(bytes)
        expect(throughTheDatabase(eventId)).toBe(eventId)
      }),
    )
  })

  it('brings every other id back as it was', () => {
    const text = fc.string({ unit: 'grapheme', maxLength: 250 }).map((localpart) => `$${localpart}:example.org`)
    fc.assert(
      fc.property(text, (eventId) => {
        expect(throughTheDatabase(eventId)).toBe(eventId)
      }),
    )
  })

  it('does not take look-alikes for hashes', () => {
    const bytes = Buffer.alloc(32, 0xff)
    const urlSafe = `$${bytes.toString('base64url')}`
    const lookAlikes = [
      urlSafe.replace('_', '/'),
      `${urlSafe.slice(0, -1)}9`,
      `${urlSafe.slice(0, -1)}=`,
      `$${' '.repeat(43)}`,
      urlSafe.slice(1),
      `${urlSafe}A`,
    ]
    for (const eventId of lookAlikes) {
      expect(storedEventId(eventId as EventId).bytes).not.toEqual(bytes)
      expect(throughTheDatabase(eventId)).toBe(eventId)
    }
  })
})
