/**
 * What a server says of its keys, and whether to believe it.
 * {@link https://spec.matrix.org/v1.19/server-server-api/#publishing-keys}
 */
import { canonicalJson, VerifyKey, verifySignedJson } from '@hearth/crypto'
import { isJsonObject, type JsonObject, type JsonValue, type ServerName } from '@hearth/protocol'
import type { ServerKeyDocument, ServerKeyRow } from '@hearth/store'

/** What was said, checked. */
export interface KnownDocument {
  readonly server: ServerName
  readonly document: ServerKeyDocument
  readonly keys: readonly ServerKeyRow[]
}

/** Servers have one key, and some old ones. */
const maxKeysInDocument = 100
const maxDocumentBytes = 32 * 1024
/** No promise about keys is believed for longer: a thief of the server's name could make it for ever. */
const longestValidityMs = 7 * 24 * 60 * 60 * 1_000
const keyIdGrammar = /^ed25519:[A-Za-z0-9_]{1,200}$/

/**
 * Checks what is said to be a server's own word on its keys: it has to be about this server, of a bounded size, and signed
 * with a key that it names. Keys that prove nothing are left out. `undefined` if it is not to be believed.
 */
export function readKeyDocument(json: JsonObject, server: ServerName, now: number): KnownDocument | undefined {
  const validUntilTs = json['valid_until_ts']
  if (json['server_name'] !== server || !isTimestamp(validUntilTs)) return undefined
  const current = entriesOf(json['verify_keys'])
  const old = entriesOf(json['old_verify_keys'])
  if (current.length + old.length > maxKeysInDocument) return undefined

  const end = Math.min(validUntilTs, now + longestValidityMs)
  const rows = new Map<string, ServerKeyRow>()
  const verifyKeys = new Map<string, VerifyKey>()
  const add = (keyId: string, value: JsonValue | undefined, isCurrent: boolean, until: number): void => {
    if (!keyIdGrammar.test(keyId) || !isJsonObject(value) || typeof value['key'] !== 'string') return
    const key = VerifyKey.import(value['key'])
    if (key === undefined) return
    verifyKeys.set(keyId, key)
    rows.set(keyId, { keyId, publicKey: key.publicKey, isCurrent, validUntilTs: until })
  }
  for (const [keyId, value] of old) {
    const expiredTs = isJsonObject(value) ? value['expired_ts'] : undefined
    if (isTimestamp(expiredTs)) add(keyId, value, false, Math.min(expiredTs, end))
  }
  // After the old ones: a key that is in both is in use.
  for (const [keyId, value] of current) add(keyId, value, true, end)
  if (rows.size === 0 || verifySignedJson(json, server, (keyId) => verifyKeys.get(keyId)) !== 'valid') return undefined

  const text = canonicalJson({ ...json, unsigned: undefined })
  if (text.length > maxDocumentBytes) return undefined
  return { server, keys: [...rows.values()], document: { json: text, validUntilTs: end, fetchedTs: now } }
}

function entriesOf(value: JsonValue | undefined): [string, JsonValue | undefined][] {
  return isJsonObject(value) ? Object.entries(value) : []
}

function isTimestamp(value: JsonValue | undefined): value is number {
  return typeof value === 'number' && Number.isSafeInteger(value) && value >= 0
}
