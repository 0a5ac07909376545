import { InvalidAnswer } from '../server-unreachable.ts'

/** What comes before the file: another server's metadata, of which nothing is known yet. */
const MAX_METADATA_BYTES = 64 * 1024
const MAX_HEADER_BYTES = 8 * 1024
const lineEnd = Buffer.from('\r\n')
const headersEnd = Buffer.from('\r\n\r\n')
const utf8 = new TextDecoder('utf-8')

/** The last part of a multipart body. */
export interface Part {
  /** By their names in lower case. */
  readonly headers: ReadonlyMap<string, string>
  /** To be read once. @throws InvalidAnswer when it is not the last part, or breaks off */
  readonly body: AsyncIterable<Buffer>
}

/**
 * Reads a `multipart/mixed` body of two parts, of which the first is metadata, as it arrives; gives the second.
 * {@link https://www.rfc-editor.org/rfc/rfc2046#section-5.1}
 * @throws InvalidAnswer
 */
export async function readMixed(contentType: string | undefined, body: AsyncIterable<Buffer>): Promise<Part> {
  const reader = new PartReader(body[Symbol.asyncIterator](), boundaryOf(contentType))
  await reader.skipPart(MAX_HEADER_BYTES)
  await reader.headers()
  await reader.skipPart(MAX_METADATA_BYTES)
  return { headers: await reader.headers(), body: reader.lastPart() }
}

function boundaryOf(contentType = ''): string {
  const [, type, parameters] = /^([^;]*)(;.*)?$/s.exec(contentType) ?? []
  if (type?.trim().toLowerCase() !== 'multipart/mixed') throw new InvalidAnswer('it is not multipart/mixed')
  const [, quoted, token] = /;[ \t]*boundary=(?:"([^"\\]*)"|([^\s;"]+))[ \t]*(?:;|$)/i.exec(parameters ?? '') ?? []
  const boundary = quoted ?? token ?? ''
  if (!/^[\x20-\x7e]{0,69}[\x21-\x7e]$/.test(boundary)) throw new InvalidAnswer('it has no boundary')
  return boundary
}

class PartReader {
  readonly #source: AsyncIterator<Buffer>
  readonly #delimiter: Buffer
  // The first delimiter may stand at the very beginning.
  #buffer: Buffer = lineEnd

  constructor(source: AsyncIterator<Buffer>, boundary: string) {
    this.#source = source
    this.#delimiter = Buffer.from(`\r\n--${boundary}`)
  }

  /** Reads past the delimiter that ends this part, which is not the last one. */
  async skipPart(maxBytes: number): Promise<void> {
    let bytes = 0
    for await (const chunk of this.#untilDelimiter()) {
      bytes += chunk.length
      if (bytes > maxBytes) throw new InvalidAnswer('it has too much before the file')
    }
    if (await this.#isAtEnd()) throw new InvalidAnswer('it has too few parts')
  }

  /** Reads the headers of a part, behind its delimiter, whose line is not yet at its end. */
  async headers(): Promise<Map<string, string>> {
    let end: number
    while ((end = this.#buffer.indexOf(headersEnd)) === -1) {
      if (this.#buffer.length > MAX_HEADER_BYTES) throw new InvalidAnswer('a part has too large headers')
      await this.#more()
    }
    const [, ...lines] = utf8.decode(this.#buffer.subarray(0, end)).split('\r\n')
    this.#buffer = this.#buffer.subarray(end + headersEnd.length)
    const headers = new Map<string, string>()
    for (const line of lines) {
      const colon = line.indexOf(':')
      if (colon > 0) headers.set(line.slice(0, colon).trim().toLowerCase(), line.slice(colon + 1).trim())
    }
    return headers
  }

  async *lastPart(): AsyncGenerator<Buffer, undefined> {
    try {
      yield* this.#untilDelimiter()
      if (!(await this.#isAtEnd())) throw new InvalidAnswer('it has more than two parts')
      // Read to its end, a connection can be used again.
      const { done } = await this.#source.next()
      if (done !== true) await this.#source.return?.()
    } catch (error) {
      await this.#source.return?.()
      throw error
    }
  }

  /** What comes before the next delimiter, which is then behind us up to the end of the boundary. */
  async *#untilDelimiter(): AsyncGenerator<Buffer, undefined> {
    for (;;) {
      const at = this.#buffer.indexOf(this.#delimiter)
      if (at === -1) {
        // What is held back may be the beginning of a delimiter.
        const length = this.#buffer.length - this.#delimiter.length + 1
        if (length > 0) {
          yield this.#buffer.subarray(0, length)
          this.#buffer = this.#buffer.subarray(length)
        }
        await this.#more()
        continue
      }
      const end = at + this.#delimiter.length
      while (this.#buffer.length < end + 2) await this.#more()
      const isDelimiter = /^(?:--|\r\n|[ \t])/.test(this.#buffer.toString('latin1', end, end + 2))
      if (at > 0 || !isDelimiter) yield this.#buffer.subarray(0, isDelimiter ? at : end)
      this.#buffer = this.#buffer.subarray(end)
      if (isDelimiter) return undefined
    }
  }

  /** Whether the delimiter that was read is the last one. */
  async #isAtEnd(): Promise<boolean> {
    while (this.#buffer.length < 2) await this.#more()
    return this.#buffer.toString('latin1', 0, 2) === '--'
  }

  async #more(): Promise<void> {
    const next = await this.#source.next()
    if (next.done === true) throw new InvalidAnswer('it breaks off')
    this.#buffer = this.#buffer.length === 0 ? next.value : Buffer.concat([this.#buffer, next.value])
  }
}
