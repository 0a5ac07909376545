import { SigningKey } from '@hearth/crypto'
import type { EventId, JsonObject } from '@hearth/protocol'
import { describe, expect, it } from 'vitest'
import { TestRoom, versionIds } from '../../test/test-room.ts'
import { roomVersions } from '../room-versions.ts'
import { contentHash, eventId, referenceHash, referenceTo, signedPart } from './event-id.ts'
import type { EventDraft, Pdu } from './pdu.ts'
import { redact } from './redact.ts'

describe('the test vectors of the appendices', () => {
  const key = SigningKey.fromSeed('1', Buffer.from('YJDBA9Xnr2sVqXD9Vj7XVUnmFZcZrlw8Md7kMW+3XA1', 'base64'))

  it('minimally-sized event', () => {
    const event = {
      room_id: '!x:domain',
      sender: '@a:domain',
      origin: 'domain',
      origin_server_ts: 1000000,
      signatures: {},
      hashes: {},
      type: 'X',
      content: {},
      prev_events: [],
      auth_events: [],
      depth: 3,
      unsigned: { age_ts: 1000000 },
    }
    const hash = contentHash(roomVersions[1], event)
    expect(hash).toBe('5jM4wQpv6lnBo7CLIghJuHdW+s2CMBJPUOGOC89ncos')
    expect(key.sign(signedPart(roomVersions[1], { ...event, hashes: { sha256: hash } }))).toBe(
      'KxwGjPSDEtvnFgU00fwFz+l6d2pJM6XBIaMEn81SXPTRl16AqLAYqfIReFGZlHi5KLjAWbOoMszkwsQma+lYAg',
    )
  })

  it('event with redactable content', () => {
    const event = {
      content: { body: 'Here is the message content' },
      event_id: '$0:domain',
      origin: 'domain',
      origin_server_ts: 1000000,
      type: 'm.room.message',
      room_id: '!r:domain',
      sender: '@u:domain',
      signatures: {},
      unsigned: { age_ts: 1000000 },
    } as JsonObject as EventDraft
    const hash = contentHash(roomVersions[1], event)
    expect(hash).toBe('onLKD1bGljeBWQhWZ1kaP9SorVmRQNdN5aM2JYU2n/g')
    expect(key.sign(signedPart(roomVersions[1], { ...event, hashes: { sha256: hash } }))).toBe(
      'Wm+VzmOUOz08Ds+0NTWb1d4CZrVsJSikkeRxh6aCcUwu6pNC78FunoD7KNWzqFn241eYHYMGCA5McEiVPdhzBA',
    )
  })
})

describe.each(versionIds)('the id of an event in room version %s', (id) => {
  const version = roomVersions[id]
  const { pdu } = new TestRoom(id).event({
    type: 'm.room.member',
    sender: '@alice:hs1',
    state_key: '@alice:hs1',
    content: { membership: 'join', displayname: 'Alice' },
  })
  const identified: Pdu = version.eventIds === 'assigned' ? { ...pdu, event_id: '$1:hs1' } : pdu

  it('has the form of the version', () => {
    const form = { assigned: /^\$1:hs1$/, hash: /^\$[A-Za-z0-9+/]{43}$/, 'url-safe-hash': /^\$[A-Za-z0-9_-]{43}$/ }
    expect(eventId(version, identified)).toMatch(form[version.eventIds])
  })

  it('does not depend on signatures, unsigned or what redaction removes', () => {
    const hash = referenceHash(version, identified)
    for (const other of [
      { ...identified, signatures: { hs1: { 'ed25519:1': 'x' } } },
      { ...identified, unsigned: { age: 1 } },
      { ...identified, content: { membership: 'join', displayname: 'Mallory' } },
      { ...identified, unknown: 1 },
      redact(version, identified),
    ]) {
      expect(eventId(version, other)).toBe(eventId(version, identified))
      expect(referenceHash(version, other)).toEqual(hash)
    }
  })

  it('depends on what is protected', () => {
    const hash = referenceHash(version, identified)
    for (const other of [
      { ...identified, depth: 99 },
      { ...identified, content: { membership: 'leave' } },
      { ...identified, hashes: { sha256: 'other' } },
      { ...identified, origin_server_ts: 0 },
    ]) {
      expect(referenceHash(version, other)).not.toEqual(hash)
    }
  })

  it('covers the whole content through the content hash', () => {
    const hash = contentHash(version, identified)
    expect(contentHash(version, { ...identified, unsigned: { age: 1 }, signatures: {}, hashes: {} })).toBe(hash)
    expect(contentHash(version, { ...identified, content: { membership: 'join', displayname: 'Mallory' } })).not.toBe(
      hash,
    )
    const withProto = JSON.parse('{"__proto__": 1}') as JsonObject
    expect(contentHash(version, { ...withProto, ...identified })).not.toBe(hash)
  })

  it('is what other events refer to', () => {
    const event = { eventId: eventId(version, identified), pdu: identified }
    const reference = referenceTo(version, event)
    if (version.references === 'id') expect(reference).toBe(event.eventId)
    else
      expect(reference).toEqual([
        '$1:hs1' as EventId,
        { sha256: expect.stringMatching(/^[A-Za-z0-9+/]{43}$/) as string },
      ])
  })
})

it('numbers outside the canonical range change nothing in rooms that know no limit', () => {
  const { pdu } = new TestRoom('5').event({ type: 'x', sender: '@alice:hs1', content: { n: 1.5 } })
  expect(contentHash(roomVersions[5], pdu)).toMatch(/^[A-Za-z0-9+/]{43}$/)
  expect(() => contentHash(roomVersions[6], pdu)).toThrow()
})
