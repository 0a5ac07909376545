import { STATUS_CODES } from 'node:http'
import type { Socket } from 'node:net'
import { MatrixError } from '@hearth/protocol'
import { corsHeaders } from './cors.ts'

/** What to answer to bytes that Node's HTTP parser does not take; undefined when nobody is left to answer. */
export function connectionRefusal(error: Error & { code?: string }): MatrixError | undefined {
  switch (error.code) {
    case 'ECONNRESET':
    case 'EPIPE':
    case 'HPE_INVALID_EOF_STATE':
      return undefined
    case 'HPE_HEADER_OVERFLOW':
      return new MatrixError('M_TOO_LARGE', 'The request headers are too large', { status: 431 })
    case 'HPE_CHUNK_EXTENSIONS_OVERFLOW':
      return new MatrixError('M_TOO_LARGE', 'The chunk extensions are too large')
    case 'ERR_HTTP_REQUEST_TIMEOUT':
      return new MatrixError('M_UNKNOWN', 'The request did not arrive in time', { status: 408 })
    default:
      return new MatrixError('M_UNKNOWN', 'This is not HTTP', { status: 400 })
  }
}

/** Answers on a connection for which there is no request yet, and closes it. */
export function writeRefusal(socket: Socket, refusal: MatrixError, requestId: string): void {
  const body = JSON.stringify(refusal)
  const head = [`HTTP/1.1 ${refusal.status} ${STATUS_CODES[refusal.status] ?? ''}`, `X-Request-Id: ${requestId}`]
  for (let i = 0; i < corsHeaders.length; i += 2) head.push(`${corsHeaders[i]}: ${corsHeaders[i + 1]}`)
  head.push('Content-Type: application/json', `Content-Length: ${Buffer.byteLength(body)}`, 'Connection: close')
  socket.end(head.join('\r\n') + '\r\n\r\n' + body)
  // What was sent meanwhile is of no interest, and a peer that never closes must not keep the connection.
  socket.destroySoon()
}
