import { isJsonObject, type JsonObject } from '@hearth/protocol'
import { canonicalJson, type CanonicalJsonOptions } from './canonical-json.ts'
import { CanonicalJsonError } from './canonical-json-error.ts'
import type { SigningKey } from './signing-key.ts'
import type { VerifyKey } from './verify-key.ts'

/** An object that has been signed: signatures in unpadded base64 by entity and key id. */
export type Signed<T extends JsonObject> = Omit<T, 'signatures'> & {
  signatures: Record<string, Record<string, string>>
}

/**
 * What the check of an entity's signatures found: `unsigned` if it has none with a known algorithm, `unknown-key` if
 * none is by a key that the caller could give, `invalid` if one by such a key is wrong or the object cannot be signed.
 */
export type SignatureVerdict = 'valid' | 'unsigned' | 'unknown-key' | 'invalid'

/** Gives the key with which an entity may have signed, or `undefined` if it is not known or no longer trusted. */
export type FindVerifyKey = (keyId: string) => VerifyKey | undefined

/**
 * The text that is signed: canonical JSON without `signatures` and `unsigned`.
 * {@link https://spec.matrix.org/v1.19/appendices/#signing-details}
 */
export function signableJson(object: JsonObject, options?: CanonicalJsonOptions): string {
  return canonicalJson({ ...object, signatures: undefined, unsigned: undefined }, options)
}

/**
 * Signs an object in the name of an entity, usually a server. Returns a copy with the signature added to those it has.
 * Throws `CanonicalJsonError` if the object has no canonical form.
 */
export function signJson<T extends JsonObject>(
  object: T,
  entity: string,
  key: SigningKey,
  options?: CanonicalJsonOptions,
): Signed<T> {
  const signature = key.sign(signableJson(object, options))
  const signatures = isJsonObject(object['signatures']) ? object['signatures'] : {}
  const own = isJsonObject(signatures[entity]) ? signatures[entity] : {}
  return { ...object, signatures: { ...signatures, [entity]: { ...own, [key.keyId]: signature } } } as Signed<T>
}

/**
 * Checks that an entity has signed an object: every signature by a key that is found must be valid, and there must be
 * one. {@link https://spec.matrix.org/v1.19/appendices/#checking-for-a-signature}
 */
export function verifySignedJson(
  object: JsonObject,
  entity: string,
  findKey: FindVerifyKey,
  options?: CanonicalJsonOptions,
): SignatureVerdict {
  const checks = checksFor(object, entity, findKey, options)
  if (typeof checks === 'string') return checks
  return checks.signatures.every(({ key, signature }) => key.verify(checks.text, signature)) ? 'valid' : 'invalid'
}

/** As `verifySignedJson`, in libuv's thread pool: for many objects at once. */
export async function verifySignedJsonInPool(
  object: JsonObject,
  entity: string,
  findKey: FindVerifyKey,
  options?: CanonicalJsonOptions,
): Promise<SignatureVerdict> {
  const checks = checksFor(object, entity, findKey, options)
  if (typeof checks === 'string') return checks
  const results = await Promise.all(
    checks.signatures.map(({ key, signature }) => key.verifyInPool(checks.text, signature)),
  )
  return results.every((isValid) => isValid) ? 'valid' : 'invalid'
}

interface Checks {
  readonly text: string
  readonly signatures: readonly { readonly key: VerifyKey; readonly signature: string }[]
}

function checksFor(
  object: JsonObject,
  entity: string,
  findKey: FindVerifyKey,
  options: CanonicalJsonOptions | undefined,
): Checks | SignatureVerdict {
  const entries = ownSignatures(object, entity)
  if (entries.length === 0) return 'unsigned'
  const signatures: { key: VerifyKey; signature: string }[] = []
  for (const [keyId, signature] of entries) {
    const key = findKey(keyId)
    if (key === undefined) continue
    if (typeof signature !== 'string') return 'invalid'
    signatures.push({ key, signature })
  }
  if (signatures.length === 0) return 'unknown-key'
  try {
    return { text: signableJson(object, options), signatures }
  } catch (error) {
    if (error instanceof CanonicalJsonError) return 'invalid'
    throw error
  }
}

/** The entity's signatures by algorithms that are known. */
function ownSignatures(object: JsonObject, entity: string): [string, unknown][] {
  const signatures = object['signatures']
  // Object.hasOwn, since the entity's name may be "constructor".
  if (!isJsonObject(signatures) || !Object.hasOwn(signatures, entity)) return []
  const own = signatures[entity]
  return isJsonObject(own) ? Object.entries(own).filter(([keyId]) => keyId.startsWith('ed25519:')) : []
}
