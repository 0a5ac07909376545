import { canonicalJson, CanonicalJsonError, type VerifyKey } from '@hearth/crypto'
import type { RequestBody } from '@hearth/http'
import { notJson, type JsonValue, type ServerName } from '@hearth/protocol'

/** What a server signs of a request. */
export interface SignedRequest {
  readonly method: string
  /** The request target as it was sent, never taken apart and put together again. */
  readonly target: string
  readonly origin: ServerName
  readonly destination: ServerName
  readonly body: RequestBody | undefined
}

/** Counts what costs much until it turns out to be right. */
export interface RewriteLimit {
  /** @throws MatrixError 429. */
  take(): Promise<void>
  giveBack(): Promise<void>
}

const utf8 = new TextDecoder('utf-8', { fatal: true })

/** A larger body is not brought into canonical form by us: it has to be sent so. */
const maxRewrittenBytes = 4 * 1024 * 1024
/** Bringing a smaller one into canonical form costs no more than its signature. */
const freelyRewrittenBytes = 16 * 1024

/**
 * Whether every one of these signatures, in base64, is of this request.
 *
 * What is signed is the body's canonical JSON, and that is what most servers send as well: it is looked at first as it is.
 * Only a body that was signed in another form than sent is parsed here, and not many that turn out to be forged.
 * @throws MatrixError 400 when the body is not JSON, 429.
 */
export async function isSignedBy(
  request: SignedRequest,
  signatures: readonly { readonly key: VerifyKey; readonly sig: string }[],
  rewrites: RewriteLimit,
): Promise<boolean> {
  const check = async (content: Uint8Array | undefined): Promise<boolean> => {
    const bytes = signedBytes(request, content)
    const results = await Promise.all(signatures.map(({ key, sig }) => key.verifyInPool(bytes, sig)))
    return results.every((isValid) => isValid)
  }
  const { body } = request
  if (body === undefined || body.bytes.length === 0) return check(undefined)
  if (await check(body.bytes)) return true
  if (body.bytes.length > maxRewrittenBytes) return false
  const isCounted = body.bytes.length > freelyRewrittenBytes
  if (isCounted) await rewrites.take()
  const text = canonicalTextOf(parse(body.bytes))
  const isSigned = text !== undefined && (await check(Buffer.from(text)))
  if (isCounted && isSigned) await rewrites.giveBack()
  return isSigned
}

/**
 * Parses a body as any parser would: what may be in it is for the endpoint to say. A transaction must not fail to be verified
 * because of one event in it.
 */
function parse(bytes: Uint8Array): JsonValue {
  try {
    return JSON.parse(utf8.decode(bytes)) as JsonValue
  } catch {
    throw notJson('The content is not JSON')
  }
}

function canonicalTextOf(value: JsonValue): string | undefined {
  try {
    // Events of the first room versions may hold any number.
    return canonicalJson(value, { numbers: 'legacy' })
  } catch (error) {
    if (error instanceof CanonicalJsonError) return undefined
    throw error
  }
}

/** The canonical JSON of what is signed, given that of the body. */
function signedBytes({ destination, method, origin, target }: SignedRequest, content?: Uint8Array): Uint8Array {
  const rest = Buffer.from(canonicalJson({ destination, method, origin, uri: target }).slice(1))
  return content === undefined
    ? Buffer.concat([Buffer.from('{'), rest])
    : Buffer.concat([Buffer.from('{"content":'), content, Buffer.from(','), rest])
}
