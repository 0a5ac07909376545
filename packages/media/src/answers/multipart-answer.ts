import { randomBytes } from 'node:crypto'
import { Readable } from 'node:stream'
import { RawAnswer } from '@hearth/http'
import { contentDisposition } from './content-disposition.ts'
import { isInline } from './content-type.ts'

/** A file to be put into a multipart answer. */
export interface EnclosedFile {
  readonly contentType: string
  readonly name: string | undefined
  /** In bytes. */
  readonly size: number
  read(): Promise<Readable>
}

/**
 * Answers another server with a file: its metadata, of which there is none yet, and the bytes as they are read.
 * {@link https://spec.matrix.org/v1.19/server-server-api/#get_matrixfederationv1mediadownloadmediaid}
 */
export async function multipartAnswer(enclosed: EnclosedFile): Promise<RawAnswer> {
  const { contentType, name, size } = enclosed
  const boundary = randomBytes(24).toString('hex')
  const disposition = contentDisposition(isInline(contentType) ? 'inline' : 'attachment', name)
  const head = Buffer.from(
    `--${boundary}\r\nContent-Type: application/json\r\n\r\n{}\r\n` +
      `--${boundary}\r\nContent-Type: ${contentType}\r\nContent-Disposition: ${disposition}\r\n\r\n`,
  )
  const tail = Buffer.from(`\r\n--${boundary}--\r\n`)
  const file = await enclosed.read()
  const payload = Readable.from(piecesOf(head, file, tail), { objectMode: false })
  // One that is not begun is not read, and so would not be closed.
  payload.once('close', () => file.destroy())
  return new RawAnswer({
    contentType: `multipart/mixed; boundary=${boundary}`,
    headers: { 'Content-Length': String(head.length + size + tail.length) },
    payload,
  })
}

async function* piecesOf(head: Buffer, file: Readable, tail: Buffer): AsyncGenerator<Buffer, undefined> {
  yield head
  yield* file as AsyncIterable<Buffer>
  yield tail
}
