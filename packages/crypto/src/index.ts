export { canonicalJson, type CanonicalJsonOptions } from './canonical-json.ts'
export { CanonicalJsonError } from './canonical-json-error.ts'
export { compareCodePoints } from './compare-code-points.ts'
export { sha1, sha256 } from './hashes.ts'
export {
  signableJson,
  signJson,
  verifySignedJson,
  verifySignedJsonInPool,
  type FindVerifyKey,
  type SignatureVerdict,
  type Signed,
} from './sign-json.ts'
export { formatSigningKey, generateSigningKey, parseSigningKey, SigningKey, type KeyId } from './signing-key.ts'
export { decodeUnpaddedBase64, decodeUrlSafe, encodeUnpaddedBase64, encodeUrlSafe } from './unpadded-base64.ts'
export { VerifyKey } from './verify-key.ts'
