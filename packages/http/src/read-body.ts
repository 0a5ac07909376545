import type { IncomingMessage, ServerResponse } from 'node:http'
import type { BodyShare } from './body-budget.ts'
import { limitExceeded, MatrixError, notJson, parseJson, type JsonTextLimits, type JsonValue } from '@hearth/protocol'

/** The client went away, or was cut off, before its request was complete. Nobody is left to answer. */
export class IncompleteRequest extends Error {
  override readonly name = 'IncompleteRequest'
}

const NO_BYTES = Buffer.alloc(0)
const retryAfterMs = 1_000

/**
 * Reads a body of at most `maxBytes`, which are taken from a share of what all may take. One that is larger is refused
 * without being read on: by its Content-Length before the first byte, otherwise at the limit.
 * @throws MatrixError 413 `M_TOO_LARGE`, 429; IncompleteRequest.
 */
export function readBody(
  request: IncomingMessage,
  response: ServerResponse,
  { maxBytes, share }: { readonly maxBytes: number; readonly share: BodyShare },
): Promise<Buffer> {
  if (Number(request.headers['content-length'] ?? 0) > maxBytes) return Promise.reject(tooLarge(maxBytes))
  // A client that sent `Expect: 100-continue` waits for this before it sends the body.
  if (request.headers.expect !== undefined) response.writeContinue()
  return new Promise((resolve, reject) => {
    let chunks: Buffer[] | Buffer = NO_BYTES
    let bytes = 0
    request.on('data', onData)
    request.on('end', onEnd)
    request.on('close', onClose)

    function onData(chunk: Buffer): void {
      bytes += chunk.length
      if (bytes > maxBytes) refuse(tooLarge(maxBytes))
      else if (!share.take(chunk.length)) refuse(limitExceeded(retryAfterMs))
      else if (Array.isArray(chunks)) chunks.push(chunk)
      else chunks = chunks.length === 0 ? chunk : [chunks, chunk]
    }
    function onEnd(): void {
      stop()
      resolve(Array.isArray(chunks) ? Buffer.concat(chunks, bytes) : chunks)
    }
    function onClose(): void {
      stop()
      reject(new IncompleteRequest('the connection was closed before the request was complete'))
    }
    function refuse(refusal: MatrixError): void {
      stop()
      request.pause()
      reject(refusal)
    }
    function stop(): void {
      request.off('data', onData)
      request.off('end', onEnd)
      request.off('close', onClose)
    }
  })
}

/** 413: a body has more bytes than its endpoint takes. */
export function tooLarge(maxBytes: number): MatrixError {
  return new MatrixError('M_TOO_LARGE', `The request body may have at most ${maxBytes} bytes`)
}

/**
 * Refuses what is certainly not a JSON body. Clients of all ages send JSON without a content type or with that of a
 * form, so only types that say that the body is something else in structure count.
 * @throws MatrixError 415.
 */
export function checkJsonHeaders(request: IncomingMessage): void {
  refuseEncoding(request)
  if (request.headers['content-type']?.toLowerCase().startsWith('multipart/') === true) {
    throw new MatrixError('M_NOT_JSON', 'The request body must be JSON', { status: 415 })
  }
}

/**
 * Refuses a compressed body.
 * @throws MatrixError 415.
 */
export function refuseEncoding({ headers }: IncomingMessage): void {
  const encoding = headers['content-encoding']
  if (encoding !== undefined && encoding.toLowerCase() !== 'identity') {
    throw new MatrixError('M_UNRECOGNIZED', 'Compressed request bodies are not supported', { status: 415 })
  }
}

/**
 * Parses a JSON body.
 * @throws MatrixError 400 `M_NOT_JSON` or `M_BAD_JSON`.
 */
export function parseBody(bytes: Buffer, options: { allowEmpty: boolean } & JsonTextLimits): JsonValue {
  if (bytes.length > 0) return parseJson(bytes, options)
  if (options.allowEmpty) return {}
  throw notJson('The request body is empty')
}
