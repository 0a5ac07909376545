/**
 * Step 2 of the checks on receipt: has every server signed the event that must have?
 * {@link https://spec.matrix.org/v1.19/server-server-api/#validating-hashes-and-signatures-on-received-events}
 */
import type { VerifyKey } from '@hearth/crypto'
import type { ServerName } from '@hearth/protocol'
import { policyKeyId, requiredSigners, type RoomEvent, type RoomVersion } from '@hearth/rooms'

/** Where the keys of servers come from: `KeyRing`. */
export interface VerifyKeys {
  /**
   * Those of the named keys that a server has, or had at a time (milliseconds since 1970) if one is given. What is not
   * known is asked for, within limits and a deadline; what cannot be had is left out.
   */
  find(server: ServerName, keyIds: readonly string[], at?: number): Promise<ReadonlyMap<string, VerifyKey>>
}

/** Signatures by more keys than this are not looked at: nobody has reason to make them. */
const maxSignatures = 10

/** Says what is wrong with the signatures of an event, given the text that they are of. */
export async function findSignatureFault(
  version: RoomVersion,
  { event, signedText }: { readonly event: RoomEvent; readonly signedText: string },
  keys: VerifyKeys,
): Promise<string | undefined> {
  const bytes = Buffer.from(signedText)
  const faults = await Promise.all(
    requiredSigners(version, event).map((signer) =>
      faultOf(signer as ServerName, { event, bytes, keys, enforcesKeyValidity: version.enforcesKeyValidity }),
    ),
  )
  return faults.find((fault) => fault !== undefined)
}

interface SignatureCheck {
  readonly event: RoomEvent
  readonly bytes: Uint8Array
  readonly keys: VerifyKeys
  readonly enforcesKeyValidity: boolean
}

async function faultOf(signer: ServerName, check: SignatureCheck): Promise<string | undefined> {
  const { pdu } = check.event
  // A server's name may be "constructor".
  const own = Object.hasOwn(pdu.signatures, signer) ? pdu.signatures[signer]! : {}
  // What a policy server thinks of an event is not that the event is its own.
  const signatures = Object.entries(own).filter(([keyId]) => keyId.startsWith('ed25519:') && keyId !== policyKeyId)
  if (signatures.length === 0) return `${signer} has not signed it`
  if (signatures.length > maxSignatures) return `${signer} has signed it with too many keys`

  const keyIds = signatures.map(([keyId]) => keyId)
  const found = await check.keys.find(signer, keyIds, check.enforcesKeyValidity ? pdu.origin_server_ts : undefined)
  const known = signatures.flatMap(([keyId, signature]) => {
    const key = found.get(keyId)
    return key === undefined ? [] : [{ key, signature }]
  })
  if (known.length === 0) return `no key of ${signer} that has signed it is known`
  const valid = await Promise.all(known.map(({ key, signature }) => key.verifyInPool(check.bytes, signature)))
  return valid.every((each) => each) ? undefined : `the signature of ${signer} is wrong`
}
