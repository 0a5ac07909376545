import type { IncomingMessage } from 'node:http'
import type { Schema } from '@hearth/protocol'
import type { Exchange } from './exchange.ts'
import type { HttpLimits } from './limits.ts'
import { IncompleteRequest, refuseEncoding, tooLarge } from './read-body.ts'

/** The body of an endpoint that takes bytes of any kind: its handler is given a `BodyStream` and reads it as it comes. */
export const byteStream: Schema<BodyStream> = { description: 'bytes of any kind' }

/** A request's body that is not kept in memory: what its handler has not taken stays with the client. */
export class BodyStream {
  readonly #exchange: Exchange
  readonly #limits: HttpLimits
  readonly #handlerMs: number
  readonly #now: () => number
  #begun = false

  /** `handlerMs`: what the handler may take from the last byte on. `now` is monotonic. Both in milliseconds. */
  constructor(exchange: Exchange, deps: { limits: HttpLimits; handlerMs: number; now: () => number }) {
    this.#exchange = exchange
    this.#limits = deps.limits
    this.#handlerMs = deps.handlerMs
    this.#now = deps.now
  }

  /** The content type that the client says it has. */
  get contentType(): string | undefined {
    return this.#exchange.request.headers['content-type']
  }

  /** Its length in bytes, where the client says it before. */
  get length(): number | undefined {
    const length = this.#exchange.request.headers['content-length']
    return length === undefined ? undefined : Number(length)
  }

  /**
   * The bytes, once, as fast as they are taken and no more than `maxBytes`. A client that sends too slowly is cut off.
   * @throws MatrixError 413 `M_TOO_LARGE`, at once where the client says the length, 415; IncompleteRequest.
   */
  async *read(maxBytes: number): AsyncGenerator<Buffer, undefined> {
    const { request, response } = this.#exchange
    if (this.#begun) throw new Error('a body can be read once')
    this.#begun = true
    refuseEncoding(request)
    if ((this.length ?? 0) > maxBytes) throw tooLarge(maxBytes)
    // A client that sent `Expect: 100-continue` waits for this before it sends the body.
    if (request.headers.expect !== undefined) response.writeContinue()
    this.#exchange.phase = 'reading'
    const beganAt = this.#now()
    let bytes = 0
    const extend = (): void => {
      const { bodyTimeoutMs, minBytesPerSecond } = this.#limits
      this.#exchange.deadlineAt = beganAt + bodyTimeoutMs + (bytes / minBytesPerSecond) * 1000
    }
    extend()
    try {
      for await (const chunk of chunksOf(request, this.#exchange.signal)) {
        bytes += chunk.length
        if (bytes > maxBytes) throw tooLarge(maxBytes)
        extend()
        yield chunk
      }
    } finally {
      if (this.#exchange.phase === 'reading') {
        this.#exchange.phase = 'handling'
        this.#exchange.deadlineAt = this.#now() + this.#handlerMs
      }
    }
  }
}

/**
 * What arrives of a request's body. Unlike the stream's own iterator, it leaves the connection alone when nobody wants more,
 * so that the refusal can still be sent, and it ends when the request is given up.
 */
async function* chunksOf(request: IncomingMessage, signal: AbortSignal): AsyncGenerator<Buffer, undefined> {
  let wake = (): void => undefined
  const onChange = (): void => wake()
  for (const event of changes) request.on(event, onChange)
  signal.addEventListener('abort', onChange)
  try {
    for (;;) {
      if (signal.aborted) throw incomplete(signal.reason)
      const chunk = request.read() as Buffer | null
      if (chunk !== null) yield chunk
      else if (request.readableEnded) return undefined
      else if (request.destroyed) throw incomplete(request.errored)
      else await new Promise<void>((resolve) => (wake = resolve))
    }
  } finally {
    for (const event of changes) request.off(event, onChange)
    signal.removeEventListener('abort', onChange)
  }
}

const changes = ['readable', 'end', 'close', 'error'] as const

function incomplete(cause: unknown): IncompleteRequest {
  return new IncompleteRequest('the connection was closed before the request was complete', { cause })
}
