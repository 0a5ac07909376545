import { Readable } from 'node:stream'
import { Answer, RawAnswer, type AnswerHeaders } from './answer.ts'

/** A part of a file: the first byte and the last one, which belongs to it. */
export interface ByteRange {
  readonly start: number
  readonly end: number
}

/** A file that can be read from anywhere. */
export interface ServedFile {
  /** In bytes. */
  readonly size: number
  /** Names this very content: a strong entity tag, without its quotes. */
  readonly tag: string
  readonly contentType: string
  readonly headers?: AnswerHeaders
  /** Opens it, or a part of it. */
  read(range?: ByteRange): Promise<Readable>
}

/** What of a request decides how a file is answered. */
export interface FileRequest {
  readonly method: string
  header(name: string): string | undefined
}

/**
 * Answers with a file, or with what is left to be said of it: that the client has it already (304), a single range of it
 * (206), that it has no such range (416). {@link https://www.rfc-editor.org/rfc/rfc9110.html#name-range-requests}
 */
export async function fileAnswer(request: FileRequest, file: ServedFile): Promise<RawAnswer | Answer<unknown>> {
  const { size, contentType } = file
  const etag = `"${file.tag}"`
  const headers = { ...file.headers, ETag: etag, 'Accept-Ranges': 'bytes' }
  if (isKnown(request.header('if-none-match'), etag)) {
    return new RawAnswer({ status: 304, headers, contentType, payload: '' })
  }
  if (request.method === 'HEAD') {
    const payload = Readable.from([])
    return new RawAnswer({ headers: { ...headers, 'Content-Length': String(size) }, contentType, payload })
  }
  const ifRange = request.header('if-range')
  const range = ifRange === undefined || ifRange === etag ? wantedRange(request.header('range'), size) : 'whole'
  if (range === 'none') {
    return new Answer({
      status: 416,
      headers: { 'Content-Range': `bytes */${size}` },
      body: { errcode: 'M_INVALID_PARAM', error: 'The file has no such range' },
    })
  }
  if (range === 'whole') {
    const payload = await file.read()
    return new RawAnswer({ headers: { ...headers, 'Content-Length': String(size) }, contentType, payload })
  }
  const { start, end } = range
  const partial = { 'Content-Length': String(end - start + 1), 'Content-Range': `bytes ${start}-${end}/${size}` }
  return new RawAnswer({
    status: 206,
    headers: { ...headers, ...partial },
    contentType,
    payload: await file.read(range),
  })
}

function isKnown(ifNoneMatch: string | undefined, etag: string): boolean {
  if (ifNoneMatch === undefined) return false
  return ifNoneMatch.split(',').some((each) => ['*', etag, `W/${etag}`].includes(each.trim()))
}

/** What a Range header asks for. What is malformed, and more than one range, is as if it were not there. */
function wantedRange(header: string | undefined, size: number): ByteRange | 'whole' | 'none' {
  const [, first, last] = /^bytes=(\d{0,15})-(\d{0,15})$/.exec(header?.trim() ?? '') ?? []
  if (first === undefined || last === undefined || (first === '' && last === '')) return 'whole'
  if (first === '') {
    const length = Math.min(Number(last), size)
    return length === 0 ? 'none' : { start: size - length, end: size - 1 }
  }
  const start = Number(first)
  const end = last === '' ? size - 1 : Math.min(Number(last), size - 1)
  if (last !== '' && Number(last) < start) return 'whole'
  return start >= size ? 'none' : { start, end }
}
