import { CanonicalJsonError, canonicalJson, generateSigningKey, VerifyKey, verifySignedJson } from '@hearth/crypto'
import { describe, expect, it } from 'vitest'
import { TestRoom, versionIds, versionsBetween } from '../../test/test-room.ts'
import { roomVersions } from '../room-versions.ts'
import { addSignature, buildEvent } from './build.ts'
import { contentHash, eventId } from './event-id.ts'
import { checkPduFormat } from './format.ts'
import type { EventDraft } from './pdu.ts'
import { redact } from './redact.ts'

const signingKey = generateSigningKey('1')
const verifyKey = VerifyKey.import(signingKey.publicKey)!
const signer = { serverName: 'hs1', signingKey }

function draftIn(room: TestRoom, fields: Partial<EventDraft> = {}): EventDraft {
  const { pdu } = room.event({ type: 'm.room.message', sender: '@alice:hs1', content: { body: 'hello' }, ...fields })
  const { hashes: _hashes, signatures: _signatures, ...draft } = pdu
  return draft
}

describe.each(versionIds)('building an event of room version %s', (id) => {
  const room = new TestRoom(id)
  const { version } = room
  const draft = draftIn(room)
  const built = buildEvent(version, draft, signer)

  it('gives an event of the right format, as canonical JSON', () => {
    expect(built.json).toBe(canonicalJson(built.pdu))
    expect(checkPduFormat(version, JSON.parse(built.json) as EventDraft)).toMatchObject({
      valid: true,
      json: built.json,
    })
    expect(built.pdu).toMatchObject(draft)
  })

  it('adds the content hash, the id and a valid signature', () => {
    expect(built.pdu.hashes).toEqual({ sha256: contentHash(version, built.pdu) })
    expect(built.eventId).toBe(eventId(version, built.pdu))
    expect(verifySignedJson(redact(version, built.pdu), 'hs1', () => verifyKey)).toBe('valid')
  })

  it('gives the same event for the same draft', () => {
    expect(buildEvent(version, structuredClone(draft), signer)).toEqual(built)
    expect(buildEvent(version, draftIn(room, { content: { body: 'other' } }), signer).eventId).not.toBe(built.eventId)
  })

  it("can take another server's signature, which changes nothing else", () => {
    const otherKey = generateSigningKey('2')
    const signed = addSignature(version, built, { serverName: 'hs2', signingKey: otherKey })
    expect(signed.eventId).toBe(built.eventId)
    expect(eventId(version, signed.pdu)).toBe(built.eventId)
    expect({ ...signed.pdu, signatures: built.pdu.signatures }).toEqual(built.pdu)
    const otherVerifyKey = VerifyKey.import(otherKey.publicKey)!
    expect(verifySignedJson(redact(version, signed.pdu), 'hs2', () => otherVerifyKey)).toBe('valid')
    expect(verifySignedJson(redact(version, signed.pdu), 'hs1', () => verifyKey)).toBe('valid')
    expect(built.pdu.signatures).not.toHaveProperty('hs2')
  })

  it("refuses references that are not of the version's form", () => {
    const other = new TestRoom(id === '1' || id === '2' ? '3' : '1')
    expect(() => buildEvent(version, { ...draft, prev_events: [other.reference('$1')] }, signer)).toThrow(TypeError)
  })
})

it.each(versionsBetween(6, 12))('an event with a fraction cannot be built in room version %s', (id) => {
  const room = new TestRoom(id)
  expect(() => buildEvent(roomVersions[id], draftIn(room, { content: { n: 0.5 } }), signer)).toThrow(CanonicalJsonError)
})
