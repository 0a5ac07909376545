import { Readable } from 'node:stream'

/** Further headers of an answer. Names and values are checked before they are written. */
export type AnswerHeaders = Readonly<Record<string, string>>

/** A JSON answer that is not a plain 200, or that carries headers of its own. */
export class Answer<Body> {
  readonly status: number
  readonly headers: AnswerHeaders
  readonly body: Body

  constructor(answer: { status?: number; headers?: AnswerHeaders; body: Body }) {
    this.status = answer.status ?? 200
    this.headers = answer.headers ?? {}
    this.body = answer.body
  }
}

/** An answer whose bytes are ready: JSON that was put together from stored text, a page, a file. */
export class RawAnswer {
  readonly status: number
  readonly headers: AnswerHeaders
  readonly contentType: string
  readonly payload: string | Uint8Array | Readable

  constructor(answer: {
    status?: number
    headers?: AnswerHeaders
    contentType: string
    payload: string | Uint8Array | Readable
  }) {
    this.status = answer.status ?? 200
    this.headers = answer.headers ?? {}
    this.contentType = answer.contentType
    this.payload = answer.payload
  }
}

/** Answers with JSON text as it stands; the caller vouches that it is JSON. */
export function rawJson(text: string | Uint8Array): RawAnswer {
  return new RawAnswer({ contentType: 'application/json', payload: text })
}

/** Pieces of a streamed answer are joined until they are this long, in UTF-16 units: each is a write. */
const PIECE_LENGTH = 64 * 1024

/**
 * Answers with JSON text that is made while it is sent, no faster than the client takes it: what is in memory is a piece or
 * two, however long the answer. A text that is one piece all the same is sent like any other. What is thrown before the
 * second piece is there becomes an error answer; what is thrown later cuts the connection.
 */
export async function streamedJson(pieces: AsyncIterable<string>): Promise<RawAnswer> {
  const joined = joinedPieces(pieces)
  const first = await joined.next()
  const second = await joined.next()
  if (first.done || second.done) return rawJson(first.done ? '' : first.value)
  const payload = Readable.from(continued([first.value, second.value], joined), { objectMode: false })
  return new RawAnswer({ contentType: 'application/json', payload })
}

async function* continued(begun: readonly string[], rest: AsyncGenerator<string>): AsyncGenerator<string> {
  yield* begun
  yield* rest
}

async function* joinedPieces(pieces: AsyncIterable<string>): AsyncGenerator<string, undefined> {
  let joined = ''
  for await (const piece of pieces) {
    joined += piece
    if (joined.length < PIECE_LENGTH) continue
    yield joined
    joined = ''
  }
  if (joined !== '') yield joined
  return undefined
}
