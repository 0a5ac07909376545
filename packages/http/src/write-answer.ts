import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import type { Answer } from './answer.ts'
import { RawAnswer } from './answer.ts'
import { corsHeaders, preflightHeaders } from './cors.ts'
import type { Exchange } from './exchange.ts'

/** A body that was not read is taken off the connection up to this many bytes; above, the connection is closed. */
const DISCARD_BYTES = 64 * 1024
/**
 * A client that is still sending is listened to for so many bytes after its answer, so that it gets to read it: all that a
 * proxy, which takes a body whole before it passes it on, may have.
 */
const LINGER_BYTES = 16 * 1024 * 1024

export interface WriteOptions {
  /** Whether the connection ends with this answer. */
  readonly close: boolean
  /** How long a client that is still sending is listened to, in milliseconds. */
  readonly lingerMs: number
  /** Monotonic, in milliseconds. */
  readonly now: () => number
}

/**
 * Writes an answer, with the headers that every answer has. Returns when it has been handed to the connection, with the
 * number of bytes that may still be on their way.
 */
export async function writeAnswer(
  exchange: Exchange,
  answer: Answer<unknown> | RawAnswer,
  options: WriteOptions,
): Promise<number> {
  const { response } = exchange
  const payload = answer instanceof RawAnswer ? answer.payload : JSON.stringify(answer.body)
  const streamed = payload instanceof Readable
  const bytes = streamed ? undefined : typeof payload === 'string' ? Buffer.byteLength(payload) : payload.length
  const close = options.close || mustClose(exchange)
  exchange.status = answer.status
  exchange.bytes = bytes ?? 0
  response.writeHead(answer.status, headersOf(exchange, answer, { bytes, close }))
  if (streamed) await stream(exchange, payload, options.now)
  else if (exchange.hasUnreadBody) await endEarly(exchange, payload, { ...options, close })
  else response.end(payload)
  // A stream goes no faster than the client takes it.
  return bytes ?? 0
}

/** Writes the answer to an OPTIONS request. */
export function writePreflight(exchange: Exchange): void {
  exchange.phase = 'writing'
  exchange.status = 204
  const headers = [...preflightHeaders, 'X-Request-Id', exchange.requestId]
  if (exchange.hasUnreadBody) headers.push('Connection', 'close')
  exchange.response.writeHead(204, headers)
  exchange.response.end()
}

/** Lets go of an answer that will not be written. */
export function discardAnswer(answer: Answer<unknown> | RawAnswer): void {
  if (answer instanceof RawAnswer && answer.payload instanceof Readable) answer.payload.destroy()
}

/** Name, value, name, value: of one array, without setHeader calls, Node builds the head in one go. */
function headersOf(
  exchange: Exchange,
  answer: Answer<unknown> | RawAnswer,
  { bytes, close }: { bytes: number | undefined; close: boolean },
): string[] {
  const type = answer instanceof RawAnswer ? answer.contentType : 'application/json'
  const headers = ['X-Request-Id', exchange.requestId]
  // What is not modified has its type and length still.
  if (answer.status !== 304) headers.push('Content-Type', type)
  if (bytes !== undefined && answer.status !== 304) headers.push('Content-Length', String(bytes))
  if (exchange.crossOrigin) headers.push(...corsHeaders)
  if (close) headers.push('Connection', 'close')
  const own = new Set<string>()
  for (const name in answer.headers) {
    headers.push(name, answer.headers[name]!)
    own.add(name.toLowerCase())
  }
  if (!own.has('cache-control')) headers.push('Cache-Control', 'no-store')
  if (!own.has('x-content-type-options')) headers.push('X-Content-Type-Options', 'nosniff')
  return headers
}

function mustClose({ request, hasUnreadBody }: Exchange): boolean {
  return hasUnreadBody && !(Number(request.headers['content-length']) <= DISCARD_BYTES)
}

async function stream(exchange: Exchange, payload: Readable, now: () => number): Promise<void> {
  // Each piece that the client takes gives it time for the next.
  const allowedMs = exchange.deadlineAt - now()
  payload.on('data', (chunk: Buffer) => {
    exchange.bytes += chunk.length
    exchange.deadlineAt = now() + allowedMs
  })
  await pipeline(payload, exchange.response)
}

/**
 * Answers a request whose body is still coming. A connection that is closed while data arrives is reset, and a client
 * whose connection is reset may never see the answer; so it is given a moment to notice before the end.
 */
async function endEarly(
  { request, response }: Exchange,
  payload: string | Uint8Array,
  { close, lingerMs }: WriteOptions,
): Promise<void> {
  if (!close) {
    response.end(payload)
    request.resume()
    const cut = setTimeout(() => request.destroy(), lingerMs).unref()
    request.once('close', () => clearTimeout(cut))
    return
  }
  response.write(payload)
  await new Promise<void>((resolve) => {
    let bytes = 0
    const timer = setTimeout(resolve, lingerMs)
    request.once('end', resolve)
    request.once('close', resolve)
    request.on('data', (chunk: Buffer) => {
      bytes += chunk.length
      if (bytes > LINGER_BYTES) resolve()
    })
    request.once('close', () => clearTimeout(timer))
    request.resume()
  })
  response.end()
}
