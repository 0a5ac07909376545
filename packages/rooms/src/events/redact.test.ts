import type { JsonObject } from '@hearth/protocol'
import { describe, expect, it } from 'vitest'
import { TestRoom, versionIds } from '../../test/test-room.ts'
import { roomVersions, type RoomVersionId } from '../room-versions.ts'
import type { Pdu } from './pdu.ts'
import { redact, redactContent } from './redact.ts'

const since =
  (first: number) =>
  (id: RoomVersionId): boolean =>
    Number(id) >= first
const until =
  (last: number) =>
  (id: RoomVersionId): boolean =>
    Number(id) <= last
const always = since(1)

/** Every key that some version keeps, with the versions that do. */
const topLevel: Record<string, (id: RoomVersionId) => boolean> = {
  event_id: always,
  type: always,
  room_id: always,
  sender: always,
  state_key: always,
  content: always,
  hashes: always,
  signatures: always,
  depth: always,
  prev_events: always,
  auth_events: always,
  origin_server_ts: always,
  prev_state: until(10),
  origin: until(10),
  membership: until(10),
}

const contents: Record<string, Record<string, (id: RoomVersionId) => boolean>> = {
  'm.room.member': { membership: always, join_authorised_via_users_server: since(9) },
  'm.room.create': { creator: always, room_version: since(11), 'm.federate': since(11), other: since(11) },
  'm.room.join_rules': { join_rule: always, allow: since(8) },
  'm.room.power_levels': {
    ban: always,
    events: always,
    events_default: always,
    invite: since(11),
    kick: always,
    redact: always,
    state_default: always,
    users: always,
    users_default: always,
    notifications: since(99),
  },
  'm.room.aliases': { aliases: until(5) },
  'm.room.history_visibility': { history_visibility: always },
  'm.room.redaction': { redacts: since(11), reason: since(99) },
  'm.room.message': { body: since(99), msgtype: since(99) },
  'm.room.third_party_invite': { public_key: since(99), display_name: since(99) },
  __proto__: { body: since(99) },
  constructor: { body: since(99) },
}

describe.each(versionIds)('redaction in room version %s', (id) => {
  const version = roomVersions[id]
  const kept = (table: Record<string, (id: RoomVersionId) => boolean>) =>
    Object.keys(table).filter((key) => table[key]!(id))

  function eventOf(type: string, content: JsonObject): Pdu {
    const extra = Object.fromEntries(Object.keys(topLevel).map((key) => [key, `a ${key}`]))
    const { pdu } = new TestRoom(id).event({ type, sender: '@alice:hs1', state_key: '', content })
    return { ...extra, ...pdu, redacts: '$other', unsigned: { age: 1 }, unknown: 1 }
  }

  it('keeps the protected keys of an event', () => {
    const redacted = redact(version, eventOf('m.room.message', { body: 'hello' }))
    expect(Object.keys(redacted).sort()).toEqual(kept(topLevel).sort())
    expect(redacted.content).toEqual({})
  })

  it.each(Object.keys(contents))('keeps the protected keys of the content of %s', (type) => {
    const content = Object.fromEntries(Object.keys(contents[type]!).map((key) => [key, `a ${key}`]))
    expect(Object.keys(redact(version, eventOf(type, content)).content)).toEqual(kept(contents[type]!))
  })

  it('adds no key that is not there', () => {
    for (const type of Object.keys(contents)) expect(redactContent(version, type, {})).toEqual({})
  })

  it('keeps of a third-party invite in a member event what is signed, since version 11', () => {
    const redacted = (invite: JsonObject[string]) =>
      redactContent(version, 'm.room.member', { third_party_invite: invite! })
    const isKept = Number(id) >= 11
    expect(redacted({ signed: { token: 't' }, display_name: 'Bob' })).toEqual(
      isKept ? { third_party_invite: { signed: { token: 't' } } } : {},
    )
    expect(redacted({ display_name: 'Bob' })).toEqual(isKept ? { third_party_invite: {} } : {})
    expect(redacted('signed')).toEqual({})
  })

  it('does the same twice as once, and leaves the event itself alone', () => {
    for (const type of Object.keys(contents)) {
      const content = Object.fromEntries(Object.keys(contents[type]!).map((key) => [key, `a ${key}`]))
      const event = eventOf(type, { ...content, third_party_invite: { signed: {}, display_name: 'Bob' } })
      const before = structuredClone(event)
      const once = redact(version, event)
      expect(redact(version, once)).toEqual(once)
      expect(event).toEqual(before)
    }
  })
})
