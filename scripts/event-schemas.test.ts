import { readdirSync, readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { contentChecks } from '../packages/http/src/index.ts'
import { eventContents } from '../packages/protocol/src/index.ts'

const checks = contentChecks(eventContents)

function accepts(type: string, content: unknown): boolean {
  try {
    checks.get(type)!(content)
    return true
  } catch (error) {
    expect(error).toMatchObject({ name: 'MatrixError', errcode: 'M_BAD_JSON' })
    return false
  }
}

const parsed = (text: string): unknown => JSON.parse(text)
const hash = 'Rqnc-F-dvnEYJTyHq_iKxU2bZ1CI92-kuZq3a5lr5Zg'

const taken: Readonly<Record<string, readonly unknown[]>> = {
  'm.room.create': [
    {},
    { creator: '@alice:example.org', room_version: '10', 'm.federate': false },
    { type: 'm.space', predecessor: { room_id: '!old:example.org', event_id: '$last:example.org' } },
    { predecessor: { room_id: `!${hash}` }, additional_creators: ['not checked here'] },
  ],
  'm.room.member': [
    { membership: 'join', displayname: 'Alice', avatar_url: 'mxc://example.org/a' },
    { membership: 'leave', displayname: null, avatar_url: null, reason: 'bye', 'com.example.x': [1.5] },
    { membership: 'join', join_authorised_via_users_server: '@Älice:example.org' },
    {
      membership: 'invite',
      is_direct: true,
      third_party_invite: { signed: { mxid: '@a:b', token: 't', signatures: { b: { 'ed25519:1': 's' } } } },
    },
  ],
  'm.room.power_levels': [
    {},
    { users: { '@alice:example.org': 100, '@bob:example.org': '50' }, users_default: -1, 'org.example': {} },
    { events: { 'm.room.name': 50 }, notifications: { room: 20 }, ban: 50, kick: 50, redact: 50, invite: 0 },
  ],
  'm.room.join_rules': [
    { join_rule: 'public' },
    { join_rule: 'restricted', allow: [{ type: 'm.room_membership', room_id: '!a:b' }, { type: 'org.example' }] },
    { join_rule: 'restricted', allow: [{}] },
  ],
  'm.room.history_visibility': [{ history_visibility: 'world_readable' }],
  'm.room.guest_access': [{ guest_access: 'can_join' }],
  'm.room.canonical_alias': [{}, { alias: '#a:b', alt_aliases: ['#c:d'] }, { alias: null }, { alias: '' }],
  'm.room.name': [{ name: 'The pub' }, { name: '' }, { name: null }, {}],
  'm.room.topic': [{ topic: 'Beer' }, { topic: '', 'm.topic': { 'm.text': [{ body: 'Beer' }] } }, {}],
  'm.room.server_acl': [{ allow: ['*'], deny: ['*.evil.com'], allow_ip_literals: 'false' }, {}],
  'm.room.redaction': [{}, { reason: 'spam' }, { redacts: `$${hash}` }],
  'm.room.message': [{ msgtype: 'm.text', body: 'I am a fish' }, { msgtype: 'com.example.x' }],
  'm.room.tombstone': [{ body: 'moved', replacement_room: '!a:b' }, { replacement_room: `!${hash}` }],
  'm.room.encryption': [{ algorithm: 'm.megolm.v1.aes-sha2', rotation_period_ms: 1, rotation_period_msgs: 1 }],
}

const refused: Readonly<Record<string, readonly unknown[]>> = {
  'm.room.create': [{ creator: 'alice' }, { 'm.federate': 'true' }, { room_version: 10 }, { predecessor: {} }],
  'm.room.member': [
    {},
    { membership: 'dance' },
    { membership: ['join'] },
    { membership: 'join', displayname: 1 },
    { membership: 'join', join_authorised_via_users_server: 'alice' },
    { membership: 'invite', third_party_invite: { signed: null } },
  ],
  'm.room.power_levels': [{ users: { notauser: 1 } }, { users: [] }, { ban: null }, { events: { a: [] } }],
  'm.room.join_rules': [{}, { join_rule: 'whoever' }],
  'm.room.history_visibility': [{}, { history_visibility: 'all' }],
  'm.room.guest_access': [{}, { guest_access: true }],
  'm.room.canonical_alias': [{ alias: 1 }, { alt_aliases: '#a:b' }, { alt_aliases: [null] }],
  'm.room.name': [{ name: 1 }, { name: {} }],
  'm.room.topic': [{ topic: [] }, { 'm.topic': [] }, { 'm.topic': { 'm.text': [{}] } }],
  'm.room.server_acl': [{ allow: '*' }, { deny: [1] }],
  'm.room.redaction': [{ redacts: 'event' }, { reason: {} }],
  'm.room.message': [{}, { body: 'x' }, { msgtype: 'm.text', body: {} }, { msgtype: 1 }],
  'm.room.tombstone': [{}, { replacement_room: 'room' }],
  'm.room.encryption': [{}, { algorithm: 1 }, { algorithm: 'a', rotation_period_ms: '1' }],
}

describe.each([...eventContents.keys()])('content of %s', (type) => {
  it.each([...(taken[type] ?? [])])('may be %j', (content) => {
    expect(accepts(type, content)).toBe(true)
  })

  it.each([...(refused[type] ?? []), null, [], 'x'])('may not be %j', (content) => {
    expect(accepts(type, content)).toBe(false)
  })

  it('[SEC-8] may have any other key', () => {
    const example = JSON.stringify(taken[type]![0]).replace('{', '{"__proto__":1,"constructor":{},')
    expect(accepts(type, parsed(example.replace(',}', '}')))).toBe(true)
  })

  it('is described, each property of it', () => {
    const schema = JSON.parse(readFileSync(`schemas/events/${type}.json`, 'utf8')) as {
      title: string
      properties: Record<string, { description?: string }>
    }
    expect(schema.title).toBe(type)
    for (const property of Object.values(schema.properties)) expect(property.description).toMatch(/\.$/)
  })
})

describe('schemas of event contents', () => {
  it('are all in use', () => {
    expect([...eventContents.keys()].map((type) => `${type}.json`)).toEqual(readdirSync('schemas/events').sort())
  })
})
