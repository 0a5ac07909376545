import type { IncomingHttpHeaders, IncomingMessage } from 'node:http'
import { pipeline, Readable, type Transform } from 'node:stream'
import { createGunzip, createInflate } from 'node:zlib'
import type { Clock } from '@hearth/runtime'
import { answerBody } from '../requests/answer-body.ts'
import type { Phases } from '../requests/phases.ts'
import { InvalidAnswer } from '../server-unreachable.ts'

/** A web server's answer, whose body is still to be read. To be disposed of, which closes its connection. */
export class WebAnswer implements Disposable {
  /** Where it came from, after redirects. */
  readonly url: URL
  readonly status: number
  readonly headers: IncomingHttpHeaders
  readonly #response: IncomingMessage
  readonly #reading: {
    readonly phases: Phases
    readonly idleMs: number
    readonly maxBytes: number
    readonly clock: Clock
  }

  constructor(
    url: URL,
    response: IncomingMessage,
    reading: { phases: Phases; idleMs: number; maxBytes: number; clock: Clock },
  ) {
    this.url = url
    this.status = response.statusCode!
    this.headers = response.headers
    this.#response = response
    this.#reading = reading
  }

  /**
   * The body as it arrives, decompressed; to be asked for once. The limit holds for its bytes before and after that.
   * @throws InvalidAnswer when it is too long, breaks off or is compressed in a way that nobody asked for;
   *   DeadlineExceeded; the signal's reason
   */
  async *body(): AsyncGenerator<Buffer, undefined> {
    const { maxBytes } = this.#reading
    const raw = answerBody(this.#response, { ...this.#reading, anyEncoding: true })
    const decoder = decoderOf(this.#response.headers['content-encoding'])
    if (decoder === undefined) {
      yield* raw
      return
    }
    // An error of either side comes out of the decoder; the end of whoever reads it ends both.
    const decoded = pipeline(Readable.from(raw, { objectMode: false }), decoder, () => undefined)
    let length = 0
    try {
      for await (const part of decoded as AsyncIterable<Buffer>) {
        length += part.length
        if (length > maxBytes) throw new InvalidAnswer('it is too long')
        yield part
      }
    } catch (error) {
      throw isOfDecoder(error) ? new InvalidAnswer('it cannot be decompressed', { cause: error }) : error
    }
  }

  [Symbol.dispose](): void {
    this.#reading.phases[Symbol.dispose]()
    this.#response.destroy()
  }
}

function decoderOf(encoding: string | undefined): Transform | undefined {
  switch (encoding?.trim().toLowerCase()) {
    case undefined:
    case '':
    case 'identity':
      return undefined
    case 'gzip':
    case 'x-gzip':
      return createGunzip()
    case 'deflate':
      return createInflate()
    default:
      throw new InvalidAnswer('it is compressed in a way that nobody asked for')
  }
}

function isOfDecoder(error: unknown): boolean {
  const { code } = error as NodeJS.ErrnoException
  return typeof code === 'string' && code.startsWith('Z_')
}
