import { connect } from 'node:net'
import type { Socket } from 'node:net'

/** A response as it came: status and body. */
export interface RawResponse {
  readonly status: number
  readonly body: Buffer
}

interface Exchange {
  readonly resolve: (response: RawResponse) => void
  readonly reject: (error: Error) => void
}

const headEnd = Buffer.from('\r\n\r\n')

/**
 * One HTTP/1.1 connection that carries one request at a time. It knows as much of HTTP as Matrix servers answer with: a
 * `Content-Length` or chunks. A whole client costs several times the CPU, and the load generator shares the machine with
 * what it measures.
 */
export class HttpConnection {
  readonly #socket: Socket
  #exchange: Exchange | undefined
  #received: Buffer[] = []
  #receivedBytes = 0
  /** Bytes of the response, once its head tells; until then the head is looked for. */
  #expectedBytes: number | undefined
  #isChunked = false
  #isReusable = true

  /** @param onIdleClose called when the connection ends while no request is on it */
  constructor(address: { readonly host: string; readonly port: number }, onIdleClose: (self: HttpConnection) => void) {
    this.#socket = connect({ ...address, noDelay: true })
    this.#socket.on('data', (chunk) => this.#receive(chunk))
    this.#socket.on('error', (error) => this.#fail(error))
    this.#socket.on('close', () => {
      this.#isReusable = false
      if (this.#exchange) this.#fail(new Error('the server closed the connection'))
      else onIdleClose(this)
    })
  }

  /** Whether another request may follow. */
  get isReusable(): boolean {
    return this.#isReusable
  }

  /** @param request head and body @param onSent called when it has been handed to the operating system */
  send(request: Buffer | string, onSent?: () => void): Promise<RawResponse> {
    return new Promise((resolve, reject) => {
      this.#exchange = { resolve, reject }
      this.#socket.write(request, onSent && ((error) => error ?? onSent()))
    })
  }

  close(): void {
    this.#isReusable = false
    this.#socket.destroy()
  }

  #receive(chunk: Buffer): void {
    this.#received.push(chunk)
    this.#receivedBytes += chunk.length
    if (this.#expectedBytes !== undefined && this.#receivedBytes < this.#expectedBytes) return
    // Putting a long answer together is worth it once its last chunk may be there.
    if (this.#isChunked && !endsLikeChunks(this.#received)) return
    const text = this.#received.length === 1 ? chunk : Buffer.concat(this.#received)
    this.#received = [text]
    const end = text.indexOf(headEnd)
    if (end < 0) return
    const head = text.toString('latin1', 0, end)
    const body = text.subarray(end + headEnd.length)
    const length = /\r\ncontent-length: *(\d+)/i.exec(head)?.[1]
    this.#isChunked = length === undefined
    if (length !== undefined) this.#expectedBytes = end + headEnd.length + Number(length)
    const complete = length === undefined ? unchunked(body) : body.length >= Number(length) ? body : undefined
    if (complete === undefined) return
    if (/\r\nconnection: *close/i.test(head)) this.#isReusable = false
    this.#finish({ status: Number(head.slice(9, 12)), body: complete })
  }

  #finish(response: RawResponse): void {
    const exchange = this.#exchange
    this.#exchange = undefined
    this.#received = []
    this.#receivedBytes = 0
    this.#expectedBytes = undefined
    this.#isChunked = false
    if (!this.#isReusable) this.#socket.end()
    exchange?.resolve(response)
  }

  #fail(error: Error): void {
    const exchange = this.#exchange
    this.#exchange = undefined
    this.close()
    exchange?.reject(error)
  }
}

const lastChunk = Buffer.from('0\r\n\r\n')

/** Whether the last of these bytes may be the last of a chunked response. */
function endsLikeChunks(received: readonly Buffer[]): boolean {
  const end = Buffer.concat(received.slice(-lastChunk.length).map((part) => part.subarray(-lastChunk.length)))
  return end.subarray(-lastChunk.length).equals(lastChunk)
}

/** The body of a chunked response, or undefined while its last chunk has not come. */
function unchunked(body: Buffer): Buffer | undefined {
  const chunks: Buffer[] = []
  for (let position = 0; ;) {
    const lineEnd = body.indexOf('\r\n', position)
    if (lineEnd < 0) return undefined
    const size = Number.parseInt(body.toString('latin1', position, lineEnd), 16)
    const start = lineEnd + 2
    if (body.length < start + size + 2) return undefined
    if (size === 0) return Buffer.concat(chunks)
    chunks.push(body.subarray(start, start + size))
    position = start + size + 2
  }
}
