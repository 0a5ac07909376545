import { generateSigningKey } from '@hearth/crypto'
import type { JsonObject, JsonValue } from '@hearth/protocol'
import { describe, expect, it } from 'vitest'
import { TestRoom, versionIds, versionsBetween } from '../../test/test-room.ts'
import { buildEvent } from './build.ts'
import { checkEventSize, checkPduFormat, maxEventBytes } from './format.ts'

const signer = { serverName: 'hs1', signingKey: generateSigningKey('1') }

describe.each(versionIds)('the format of events in room version %s', (id) => {
  const room = new TestRoom(id)
  const { version } = room
  const { pdu } = buildEvent(version, room.event({ type: 'm.x', sender: '@alice:hs1', state_key: '' }).pdu, signer)

  const isValid = (fields: JsonObject) => checkPduFormat(version, { ...pdu, ...fields }).valid
  const references = (count: number) => Array.from({ length: count }, (_, i) => room.reference(`$${i}`))

  it('takes what is built', () => {
    expect(isValid({})).toBe(true)
    const create = buildEvent(version, room.create.pdu, signer)
    expect(checkPduFormat(version, create.pdu).valid).toBe(true)
  })

  it('refuses what is no object', () => {
    for (const value of [null, [], 'event', 1] as JsonValue[]) expect(checkPduFormat(version, value).valid).toBe(false)
  })

  it.each([
    'type',
    'sender',
    'content',
    'origin_server_ts',
    'depth',
    'prev_events',
    'auth_events',
    'hashes',
    'signatures',
    'room_id',
  ])('needs %s', (key) => {
    expect(isValid({ [key]: undefined })).toBe(false)
    for (const value of [null, true, {}, { a: 1 }, [1], 1.5, -1, ''] as JsonValue[]) {
      if (key === 'type' && value === '') continue
      if (key === 'content' && !Array.isArray(value) && typeof value === 'object' && value !== null) continue
      if (key === 'signatures' && JSON.stringify(value) === '{}') continue
      if (key === 'origin_server_ts' && value === -1) continue
      expect([key, value, isValid({ [key]: value })]).toEqual([key, value, false])
    }
  })

  it('limits type, state key and sender to 255 bytes', () => {
    expect(isValid({ type: 'x'.repeat(255), state_key: 'é'.repeat(127) })).toBe(true)
    expect(isValid({ type: 'x'.repeat(256) })).toBe(false)
    expect(isValid({ state_key: 'é'.repeat(128) })).toBe(false)
    expect(isValid({ sender: `@${'x'.repeat(250)}:hs1` })).toBe(true)
    expect(isValid({ sender: `@${'x'.repeat(251)}:hs1` })).toBe(false)
    expect(isValid({ state_key: 1 })).toBe(false)
    expect(isValid({ state_key: null })).toBe(false)
  })

  it('takes the user ids of old', () => {
    for (const sender of ['@:hs1', '@A b\n!:hs1', '@日本:hs1']) expect(isValid({ sender })).toBe(true)
    for (const sender of ['@alice', 'alice:hs1', '@a\0:hs1', '@alice:']) expect(isValid({ sender })).toBe(false)
  })

  it('limits the event to 65,536 bytes', () => {
    const spare = maxEventBytes - Buffer.byteLength(buildEvent(version, { ...pdu, content: { body: '' } }, signer).json)
    const sized = (bytes: number) =>
      checkPduFormat(version, buildEvent(version, { ...pdu, content: { body: 'x'.repeat(bytes) } }, signer).pdu)
    expect(sized(spare).valid).toBe(true)
    expect(sized(spare + 1)).toMatchObject({ valid: false, reason: expect.stringContaining('65536') as string })
    expect(checkEventSize('é'.repeat(32_769))).toBeDefined()
  })

  it('limits prev_events to 20 and auth_events to 10', () => {
    expect(isValid({ prev_events: references(20), auth_events: references(10) })).toBe(true)
    expect(isValid({ prev_events: references(21) })).toBe(false)
    expect(isValid({ auth_events: references(11) })).toBe(false)
  })

  it('takes references of its own form only', () => {
    const isPair = Number(id) <= 2
    expect(isValid({ prev_events: ['$id'] })).toBe(!isPair)
    expect(isValid({ prev_events: [['$id:hs1', { sha256: 'x' }]] })).toBe(isPair)
    expect(isValid({ prev_events: [['$id:hs1']] })).toBe(false)
    expect(isValid({ prev_events: [['$id:hs1', 'x']] })).toBe(false)
    expect(isValid({ auth_events: ['id'] })).toBe(false)
    expect(isValid({ auth_events: [{}] })).toBe(false)
  })

  it('takes event_id in versions 1 and 2 only', () => {
    expect(isValid({ event_id: '$id:hs1' })).toBe(true)
    expect(isValid({ event_id: 'id' })).toBe(Number(id) > 2)
    expect(isValid({ event_id: undefined })).toBe(Number(id) > 2)
  })

  it('takes signatures and unsigned of the right shape', () => {
    expect(isValid({ signatures: { hs1: { 'ed25519:1': 1 } } })).toBe(false)
    expect(isValid({ signatures: { hs1: 'x' } })).toBe(false)
    expect(isValid({ unsigned: [] })).toBe(false)
    expect(isValid({ unsigned: {} })).toBe(true)
    expect(isValid({ hashes: { sha256: 1 } })).toBe(false)
  })

  it('takes redacts of a redaction if it is a string, until version 10', () => {
    expect(isValid({ type: 'm.room.redaction', redacts: 1 })).toBe(Number(id) > 10)
    expect(isValid({ type: 'm.room.redaction', redacts: '$id' })).toBe(true)
  })
})

it.each(versionsBetween(1, 5))('numbers are not limited in room version %s', (id) => {
  const { version, create } = new TestRoom(id)
  const pdu = { ...create.pdu, event_id: '$1:hs1' }
  expect(checkPduFormat(version, { ...pdu, depth: 2 ** 63, content: { n: 1.5 } }).valid).toBe(true)
})

it.each(versionsBetween(6, 12))('numbers are limited in room version %s', (id) => {
  const { version, create } = new TestRoom(id)
  expect(checkPduFormat(version, create.pdu).valid).toBe(true)
  expect(checkPduFormat(version, { ...create.pdu, depth: 2 ** 53 }).valid).toBe(false)
  for (const n of [1.5, 2 ** 53, -(2 ** 53)]) {
    expect(checkPduFormat(version, { ...create.pdu, content: { n } }).valid).toBe(false)
  }
})

it('lone surrogates are refused', () => {
  const { version, create } = new TestRoom('12')
  expect(checkPduFormat(version, { ...create.pdu, content: { name: '\ud800' } }).valid).toBe(false)
})
