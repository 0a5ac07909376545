import { signableJson, CanonicalJsonError, VerifyKey } from '@hearth/crypto'
import { isJsonObject, type JsonObject, type JsonValue } from '@hearth/protocol'
import type { RoomEvent } from '../events/pdu.ts'
import type { RoomVersion } from '../room-versions.ts'
import type { AuthCheck } from './auth-check.ts'
import { allow, refuse, type Verdict } from './verdict.ts'

// NOTSPEC: the specification sets no limit, but one event can hold 500 signatures and the other 1,000 keys, and each
// pair of them costs 0.1 ms. Identity servers use one signature and two keys.
const maxKeys = 16
const maxSignatures = 16

/** If content has a third_party_invite property: */
export function thirdPartyInviteOfMember({ pdu, room }: AuthCheck): Verdict {
  // 1. If target user is banned, reject.
  if (room.membershipOf(pdu.state_key!) === 'ban') return refuse('the target user is banned', '1')

  // 2. If content.third_party_invite does not have a signed property, reject.
  const invite = pdu.content['third_party_invite']
  const signed = isJsonObject(invite) ? invite['signed'] : undefined
  if (!isJsonObject(signed)) return refuse('the third-party invite is not signed', '2')

  // 3. If signed does not have mxid and token properties, reject.
  const { mxid, token } = signed
  if (typeof mxid !== 'string' || typeof token !== 'string') return refuse('signed has no mxid or no token', '3')

  // 4. If mxid does not match state_key, reject.
  if (mxid !== pdu.state_key) return refuse('the third-party invite is for another user', '4')

  // 5. If there is no m.room.third_party_invite event in the current room state with state_key matching token, reject.
  const origin = room.event('m.room.third_party_invite', token)
  if (origin === undefined) return refuse('there is no such third-party invite', '5')

  // 6. If sender does not match sender of the m.room.third_party_invite, reject.
  if (pdu.sender !== origin.pdu.sender) return refuse('the third-party invite is of another sender', '6')

  // 7. If any signature in signed matches any public key in the m.room.third_party_invite event, allow.
  if (signersOfInvite(room.version, signed, origin, { atMost: 1 }).length > 0) return allow

  // 8. Otherwise, reject.
  return refuse("no signature is by one of the third-party invite's keys", '8')
}

/** A key of an identity server, as an `m.room.third_party_invite` names it. */
export interface InviteKey {
  /** In base64, of either alphabet. */
  readonly publicKey: string
  /** Where to ask whether the key has been revoked. */
  readonly validityUrl?: string
}

/** The keys of an `m.room.third_party_invite` that have signed whose the invited address is. */
export function signersOfInvite(
  version: RoomVersion,
  signed: JsonObject,
  invite: RoomEvent,
  { atMost = maxKeys }: { readonly atMost?: number } = {},
): InviteKey[] {
  const text = signableText(version, signed)
  if (text === undefined) return []
  const signatures = signaturesIn(signed)
  const signers: InviteKey[] = []
  for (const inviteKey of keysOf(invite)) {
    // Identity servers publish their keys in either alphabet.
    const key = VerifyKey.import(inviteKey.publicKey.replaceAll('-', '+').replaceAll('_', '/'))
    if (key !== undefined && signatures.some((signature) => key.verify(text, signature))) signers.push(inviteKey)
    if (signers.length === atMost) break
  }
  return signers
}

/** A list in `public_keys`, and a single one in `public_key`, which is usually one of the list. */
function keysOf({ pdu: { content } }: RoomEvent): InviteKey[] {
  const listed = Array.isArray(content['public_keys']) ? content['public_keys'].filter(isJsonObject) : []
  const keys = new Map<string, InviteKey>()
  for (const { public_key: publicKey, key_validity_url: url } of [...listed, content]) {
    if (typeof publicKey !== 'string' || keys.has(publicKey)) continue
    keys.set(publicKey, { publicKey, ...(typeof url === 'string' && { validityUrl: url }) })
  }
  return [...keys.values()].slice(0, maxKeys)
}

/** The ed25519 signatures of all entities: whoever holds a key of the invite may have signed, under any name. */
function signaturesIn(signed: JsonObject): string[] {
  const byEntity = isJsonObject(signed['signatures']) ? Object.values(signed['signatures']) : []
  const entries = byEntity.flatMap((ofEntity) => (isJsonObject(ofEntity) ? Object.entries(ofEntity) : []))
  const signatures = entries.filter(([keyId]) => keyId.startsWith('ed25519:')).map(([, signature]) => signature)
  return distinct(signatures).slice(0, maxSignatures)
}

function signableText(version: RoomVersion, signed: JsonObject): string | undefined {
  try {
    return signableJson(signed, { numbers: version.strictCanonicalJson ? 'strict' : 'legacy' })
  } catch (error) {
    if (error instanceof CanonicalJsonError) return undefined
    throw error
  }
}

function distinct(values: readonly (JsonValue | undefined)[]): string[] {
  return [...new Set(values.filter((value) => typeof value === 'string'))]
}
