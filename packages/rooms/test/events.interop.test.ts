import { parseSigningKey } from '@hearth/crypto'
import type { JsonObject, JsonValue } from '@hearth/protocol'
import { Oracle } from '@hearth/test-kit'
import fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import {
  addSignature,
  authTypesFor,
  contentHash,
  eventId,
  redact,
  referenceHash,
  roomIdOf,
  roomVersions,
  type Pdu,
  type RoomVersion,
  type RoomVersionId,
} from '../src/index.ts'

const eventsOfEach = 1000
const signer = { server: 'hs1', key_version: 'a_1', seed: 'YJDBA9Xnr2sVqXD9Vj7XVUnmFZcZrlw8Md7kMW+3XA1' }
const signingKey = parseSigningKey(`ed25519 ${signer.key_version} ${signer.seed}`)

/** Against Synapse's own functions. */
describe.each(Object.keys(roomVersions) as RoomVersionId[])('random events of room version %s', (id) => {
  const version = roomVersions[id]
  const events = fc.sample(eventOf(version), { seed: Number(id), numRuns: eventsOfEach })

  let oracle: Oracle
  beforeAll(async () => {
    oracle = await Oracle.start()
  })
  afterAll(() => oracle[Symbol.asyncDispose]())

  /** Compares what both say of every event. */
  async function expectSame<T>(
    operation: string,
    ours: (pdu: Pdu) => T,
    theirs: (answer: T) => T = (answer) => answer,
  ) {
    const answers = await oracle.ask<T>(
      operation,
      events.map((event) => ({ version: id, event, ...signer })),
    )
    const theirValues = answers.map((answer) => (answer.error === undefined ? theirs(answer.value) : answer))
    expect(events.map(ours)).toEqual(theirValues)
  }

  it('have the content hashes that Synapse computes', () =>
    expectSame('content_hash', (pdu) => contentHash(version, pdu)))

  it('have the reference hashes that Synapse computes', () =>
    expectSame('reference_hash', (pdu) => referenceHash(version, pdu).toString('base64').replace('=', '')))

  it('have the event ids that Synapse computes', () => expectSame<string>('event_id', (pdu) => eventId(version, pdu)))

  it('are of the rooms that Synapse says', () =>
    expectSame<string>('room_id', (pdu) => roomIdOf(version, { eventId: eventId(version, pdu), pdu })))

  it('are redacted as Synapse redacts them', () =>
    // What Synapse keeps in `unsigned` is its own affair: it is not part of what is hashed and signed.
    expectSame<JsonObject>(
      'redact',
      (pdu) => redact(version, pdu),
      ({ unsigned: _, ...redacted }) => redacted,
    ))

  it('are signed as Synapse signs them', () =>
    expectSame<JsonValue>('sign_event', (pdu) => {
      const hashed = { ...pdu, hashes: { sha256: contentHash(version, pdu) } }
      return addSignature(
        version,
        { eventId: eventId(version, pdu), pdu: hashed },
        { serverName: signer.server, signingKey },
      ).pdu
    }))

  it('are authorized by the events that Synapse selects', () =>
    expectSame<JsonValue>(
      'auth_types',
      (pdu) => sorted(authTypesFor(version, pdu).map(([type, stateKey]) => [type, stateKey])),
      (pairs) =>
        sorted((pairs as string[][]).filter(([type]) => version.createIsAuthEvent || type !== 'm.room.create')),
    ))
})

function sorted(pairs: string[][]): string[][] {
  return pairs
    .map((pair) => JSON.stringify(pair))
    .sort()
    .map((text) => JSON.parse(text) as string[])
}

const types = [
  'm.room.create',
  'm.room.member',
  'm.room.join_rules',
  'm.room.power_levels',
  'm.room.history_visibility',
  'm.room.aliases',
  'm.room.redaction',
  'm.room.third_party_invite',
  'm.room.message',
  'org.example.other',
]

/** Every key that some version keeps of some content, and some that none does. */
const contentKeys = [
  'membership',
  'join_authorised_via_users_server',
  'third_party_invite',
  'displayname',
  'creator',
  'room_version',
  'm.federate',
  'additional_creators',
  'join_rule',
  'allow',
  'ban',
  'events',
  'events_default',
  'invite',
  'kick',
  'notifications',
  'redact',
  'state_default',
  'users',
  'users_default',
  'aliases',
  'history_visibility',
  'redacts',
  'public_key',
  'body',
  '__proto__',
  'constructor',
  '10',
  '😀',
]

const value: fc.Arbitrary<JsonValue> = fc.letrec<{ value: JsonValue }>((tie) => ({
  value: fc.oneof(
    { depthSize: 'small' },
    fc.string({ unit: 'grapheme', maxLength: 8 }),
    fc.maxSafeInteger(),
    fc.boolean(),
    fc.constant(null),
    fc.array(tie('value'), { maxLength: 3 }),
    fc.dictionary(fc.string({ maxLength: 3 }), tie('value'), { maxKeys: 3 }).map((object) => ({ ...object })),
  ),
})).value

const signed = fc.record({ token: fc.string(), mxid: fc.constant('@erin:hs3'), signatures: fc.constant({}) })
const thirdPartyInvite = fc.oneof(value, fc.record({ display_name: fc.string(), signed: fc.oneof(value, signed) }))

function contentOf(type: string): fc.Arbitrary<JsonObject> {
  const other = fc.dictionary(fc.constantFrom(...contentKeys), value, { maxKeys: 8, noNullPrototype: true })
  return type === 'm.room.member' ? fc.tuple(other, memberContent).map(([some, more]) => ({ ...some, ...more })) : other
}

const signedInvite = fc.record({ display_name: fc.string(), signed })
/** What decides on the auth events of a membership is well-formed: Synapse trips over anything else. */
const memberContent = fc.oneof(
  fc.record({ membership: fc.constant('invite'), third_party_invite: signedInvite }),
  fc.record({ membership: fc.constant('join'), join_authorised_via_users_server: fc.constant('@bob:hs1') }),
  fc.record({ membership: fc.constantFrom('leave', 'ban', 'knock'), third_party_invite: thirdPartyInvite }),
)

function eventOf(version: RoomVersion): fc.Arbitrary<Pdu> {
  const text = fc.string({ minLength: 1, maxLength: 8 })
  const reference = text.map((opaque) =>
    version.references === 'id' ? `$${opaque}` : [`$${opaque}:hs1`, { sha256: opaque }],
  )
  return fc
    .constantFrom(...types)
    .chain((type) =>
      fc.record(
        {
          type: fc.constant(type),
          sender: fc.constantFrom('@alice:hs1', '@bob:hs2'),
          room_id: fc.constant('!room:hs1'),
          state_key:
            type === 'm.room.member' ? fc.constantFrom('@alice:hs1', '@carol:hs1') : fc.constantFrom('', '@bob:hs2'),
          content: contentOf(type),
          depth: fc.nat(),
          origin_server_ts: fc.nat(),
          prev_events: fc.array(reference, { maxLength: 3 }),
          auth_events: fc.array(reference, { maxLength: 3 }),
          hashes: fc.record({ sha256: text }),
          signatures: fc.constantFrom({}, { hs1: { 'ed25519:1': 'c2lnbmF0dXJl' } }),
          event_id: text.map((opaque) => `$${opaque}:hs1`),
          // What older versions had, or still keep when an event is redacted, and what none knows.
          origin: fc.constant('hs1'),
          prev_state: fc.constant([]),
          membership: fc.constant('join'),
          redacts: fc.constant('$other:hs1'),
          unsigned: fc.record({ age: fc.nat() }),
          extra: value,
        },
        {
          requiredKeys: [
            'type',
            'sender',
            'content',
            'depth',
            'origin_server_ts',
            'prev_events',
            'auth_events',
            'hashes',
            'signatures',
            'room_id',
            'event_id',
            ...(type === 'm.room.member' ? ['state_key' as const] : []),
          ],
        },
      ),
    )
    .map(({ event_id: assigned, room_id: roomId, ...fields }) => {
      const isNameless = version.roomIds === 'create-event' && fields.type === 'm.room.create'
      return {
        ...fields,
        ...(isNameless ? { state_key: '' } : { room_id: roomId }),
        ...(version.eventIds === 'assigned' && { event_id: assigned }),
      } as unknown as Pdu
    })
}
