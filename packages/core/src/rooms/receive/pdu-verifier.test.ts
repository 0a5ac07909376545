import { generateSigningKey, VerifyKey } from '@hearth/crypto'
import type { JsonObject, ServerName } from '@hearth/protocol'
import { addSignature, buildEvent, roomVersions, type EventDraft, type Pdu, type RoomVersion } from '@hearth/rooms'
import { describe, expect, it } from 'vitest'
import { PduVerifier, type PduVerdict } from './pdu-verifier.ts'

const signingKey = generateSigningKey()
const signer = { serverName: 'hs2', signingKey }
const other = { serverName: 'hs3', signingKey: generateSigningKey() }
const v10 = roomVersions[10]

const asked: { server: ServerName; at: number | undefined }[] = []
const verifier = new PduVerifier({
  keys: {
    find(server, keyIds, at) {
      asked.push({ server, at })
      const own = [signer, other].find(({ serverName }) => serverName === server)
      const known = keyIds.flatMap((keyId) =>
        own?.signingKey.keyId === keyId ? [[keyId, VerifyKey.import(own.signingKey.publicKey)!] as const] : [],
      )
      return Promise.resolve(new Map(known))
    },
  },
})

function draft(fields: Partial<EventDraft> = {}): EventDraft {
  return {
    type: 'm.room.message',
    sender: '@bob:hs2',
    room_id: '!room:hs2',
    content: { msgtype: 'm.text', body: 'hi' },
    depth: 12,
    origin_server_ts: 1_700_000_000_000,
    prev_events: [],
    auth_events: [],
    ...fields,
  }
}

function signed(fields: Partial<EventDraft> = {}, version: RoomVersion = v10): Pdu {
  return buildEvent(version, draft(fields), signer).pdu
}

async function reasonFor(received: JsonObject, version: RoomVersion = v10): Promise<string> {
  const verdict = await verifier.verify(version, received)
  return verdict.valid ? 'valid' : verdict.reason
}

function verified(verdict: PduVerdict): Extract<PduVerdict, { valid: true }> {
  if (!verdict.valid) throw new Error(verdict.reason)
  return verdict
}

describe('PduVerifier', () => {
  it.each(Object.values(roomVersions))(
    'takes an event of room version $id that its server has signed',
    async (version) => {
      const draftOfVersion = version.roomIds === 'assigned' ? draft() : draft({ room_id: '!create' })
      const built = buildEvent(version, draftOfVersion, signer)
      const verdict = verified(await verifier.verify(version, JSON.parse(built.json) as JsonObject))
      expect(verdict).toEqual({
        valid: true,
        event: { eventId: built.eventId, pdu: built.pdu },
        roomId: draftOfVersion.room_id,
        json: built.json,
      })
    },
  )

  it('asks for keys of the time of the event where the room version has them expire', async () => {
    asked.length = 0
    await reasonFor(signed({}, roomVersions[5]), roomVersions[5])
    await reasonFor(signed({}, roomVersions[4]), roomVersions[4])
    expect(asked).toEqual([
      { server: 'hs2', at: 1_700_000_000_000 },
      { server: 'hs2', at: undefined },
    ])
  })

  it('[SEC-128] drops unsigned, which nobody has signed', async () => {
    const pdu = signed()
    const received = { ...pdu, unsigned: { transaction_id: 'x', prev_content: {}, age: 1 } }
    const { event, json } = verified(await verifier.verify(v10, received))
    expect(event.pdu).toEqual(pdu)
    expect(json).not.toContain('unsigned')
  })

  it('[SEC-118] redacts an event whose content is not what its hash says, and keeps its id', async () => {
    const built = buildEvent(v10, draft(), signer)
    const { event, json } = verified(await verifier.verify(v10, { ...built.pdu, content: { body: 'bye' } }))
    expect(event.eventId).toBe(built.eventId)
    expect(event.pdu.content).toEqual({})
    expect(JSON.parse(json)).toEqual(event.pdu)
  })

  it('takes a padded hash', async () => {
    const pdu = signed()
    const padded = { ...pdu, hashes: { sha256: `${pdu.hashes.sha256}=` } }
    const signatures = addSignature(v10, { eventId: '$x' as never, pdu: { ...padded, signatures: {} } }, signer).pdu
      .signatures
    const { event } = verified(await verifier.verify(v10, { ...padded, signatures }))
    expect(event.pdu.content).toEqual(pdu.content)
  })

  it('[S-02] refuses what the server of its sender has not signed', async () => {
    const pdu = signed()
    expect(await reasonFor({ ...pdu, signatures: {} })).toBe('hs2 has not signed it')
    expect(await reasonFor({ ...pdu, signatures: { constructor: {} } })).toBe('hs2 has not signed it')
    expect(await reasonFor({ ...pdu, sender: '@carol:hs3' })).toBe('hs3 has not signed it')
    expect(await reasonFor({ ...pdu, depth: 13 })).toBe('the signature of hs2 is wrong')
    const byAnother = buildEvent(v10, draft(), { serverName: 'hs2', signingKey: other.signingKey }).pdu
    expect(await reasonFor(byAnother)).toBe('no key of hs2 that has signed it is known')
  })

  it('[SEC-134] asks for the signature of who authorises a restricted join', async () => {
    const join = buildEvent(
      v10,
      draft({
        type: 'm.room.member',
        state_key: '@bob:hs2',
        content: { membership: 'join', join_authorised_via_users_server: '@carol:hs3' },
      }),
      signer,
    )
    expect(await reasonFor(join.pdu)).toBe('hs3 has not signed it')
    expect(await reasonFor(addSignature(v10, join, other).pdu)).toBe('valid')
  })

  it.each([
    { depth: 2 ** 63 },
    { depth: 2 ** 53 },
    { depth: -1 },
    { depth: '5' },
    { depth: 1.5 },
    { depth: null },
    { origin_server_ts: 'x' },
    { origin_server_ts: 1e300 },
    { content: null },
    { content: [] },
    { type: 5 },
    { type: 'a\0b' },
    { state_key: 'a\0b' },
    { sender: null },
    { prev_events: {} },
    { prev_events: Array.from({ length: 21 }, (_, i) => `$${i}`) },
    { auth_events: Array.from({ length: 11 }, (_, i) => `$${i}`) },
    { content: { body: 'x'.repeat(66_000) } },
    { content: { body: '\ud800' } },
  ] as JsonObject[])(
    '[SEC-117] [SEC-120] [SEC-121] [SEC-129] refuses the malformed %j, in old rooms too',
    async (fields) => {
      for (const version of [v10, roomVersions[4]]) {
        const verdict = await verifier.verify(version, { ...signed({}, version), ...fields })
        expect(verdict).toEqual({ valid: false, reason: expect.any(String) as string })
      }
    },
  )

  it('[SEC-121] refuses an event that names itself', async () => {
    const v1 = roomVersions[1]
    const pdu = signed({}, v1)
    const received = { ...pdu, prev_events: [[pdu.event_id!, { sha256: 'x' }]] } as JsonObject
    expect(await reasonFor(received, v1)).toBe('the event names itself')
  })

  it('[SEC-130] takes content that is nested deeply', async () => {
    let nested: JsonObject = {}
    for (let depth = 0; depth < 900; depth++) nested = { a: nested }
    expect(await reasonFor(signed({ content: nested }))).toBe('valid')
  })
})
