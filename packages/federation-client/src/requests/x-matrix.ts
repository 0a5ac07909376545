import type { SigningKey } from '@hearth/crypto'
import type { ServerName } from '@hearth/protocol'

/** What of a request is signed. */
export interface SignedRequest {
  readonly origin: ServerName
  readonly destination: ServerName
  readonly method: string
  /** Path and query as they are sent. */
  readonly target: string
  /** The body as canonical JSON, if there is one. */
  readonly content: string | undefined
}

/**
 * The value of the `Authorization` header of a request. No parameter has anything in it that needs a backslash.
 * {@link https://spec.matrix.org/v1.19/server-server-api/#request-authentication}
 */
export function authorization(request: SignedRequest, key: SigningKey): string {
  const { origin, destination } = request
  const signature = key.sign(signedText(request))
  return `X-Matrix origin="${origin}",destination="${destination}",key="${key.keyId}",sig="${signature}"`
}

/** Canonical JSON, put together: the content may be long and is canonical already. */
function signedText({ origin, destination, method, target, content }: SignedRequest): string {
  const rest = JSON.stringify({ destination, method, origin, uri: target })
  return content === undefined ? rest : `{"content":${content},${rest.slice(1)}`
}
