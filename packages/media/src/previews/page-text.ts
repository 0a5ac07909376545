import { isUtf8 } from 'node:buffer'
import iconv from 'iconv-lite'

/** How many of the first bytes are looked at for what the page says of its encoding, which must be in the first 1024. */
const HEAD_BYTES = 4 * 1024
/** What older pages mean that say nothing. {@link https://html.spec.whatwg.org/multipage/parsing.html#determining-the-character-encoding} */
const FALLBACK = 'windows-1252'

const byteOrderMarks: readonly (readonly [encoding: string, mark: string])[] = [
  ['utf-8', '\xef\xbb\xbf'],
  ['utf-16le', '\xff\xfe'],
  ['utf-16be', '\xfe\xff'],
]

/** The text of a page while it arrives, in the encoding of its byte order mark, its content type or its own head. */
export async function* pageText(
  parts: AsyncIterable<Buffer>,
  contentType: string | undefined,
): AsyncGenerator<string, undefined> {
  let head: Buffer = Buffer.alloc(0)
  let decoder: iconv.DecoderStream | undefined
  for await (const part of parts) {
    if (decoder !== undefined) {
      yield decoder.write(part)
      continue
    }
    head = Buffer.concat([head, part])
    if (head.length < HEAD_BYTES) continue
    decoder = iconv.getDecoder(encodingOf(head, contentType))
    yield decoder.write(head)
  }
  decoder ??= withHead(head, contentType)
  if (head.length < HEAD_BYTES) yield decoder.write(head)
  yield decoder.end() ?? ''
  return undefined
}

function withHead(head: Buffer, contentType: string | undefined): iconv.DecoderStream {
  return iconv.getDecoder(encodingOf(head, contentType))
}

function encodingOf(head: Buffer, contentType: string | undefined): string {
  const start = head.toString('latin1', 0, HEAD_BYTES)
  const marked = byteOrderMarks.find(([, mark]) => start.startsWith(mark))
  if (marked !== undefined) return marked[0]
  return usable(charsetIn(contentType ?? '')) ?? wideEncodingOf(start) ?? declaredIn(start) ?? guessed(head)
}

/** What no quote follows is spaces once only: two ways to read them would take their square. */
function charsetIn(text: string): string | undefined {
  return /charset\s*=\s*(?:["']\s*)?([\w.:-]{1,40})/i.exec(text)?.[1]
}

/** UTF-16 that nobody has declared: every other byte of markup is zero. */
function wideEncodingOf(start: string): string | undefined {
  const text = start.trimStart()
  if (text.startsWith('<\0')) return 'utf-16le'
  return text.startsWith('\0<') ? 'utf-16be' : undefined
}

function declaredIn(start: string): string | undefined {
  const declared = usable(charsetIn(start) ?? /^\s*<\?xml[^>]{0,200}encoding\s*=\s*["']([\w-]{1,40})/i.exec(start)?.[1])
  // It was just read as one byte per character, so that it cannot be.
  return declared?.startsWith('utf-16') === true ? 'utf-8' : declared
}

/** An encoding that there is. UTF-7 is none: browsers do not know it, and it hides markup. */
function usable(charset: string | undefined): string | undefined {
  const name = charset?.toLowerCase()
  if (name === undefined || name.startsWith('utf-7') || name === 'utf7' || !iconv.encodingExists(name)) return undefined
  return name.replace(/^utf-?16$/, 'utf-16le')
}

function guessed(head: Buffer): string {
  // The last character may be cut in the middle.
  for (let cut = 0; cut < 4; cut++) if (isUtf8(head.subarray(0, head.length - cut))) return 'utf-8'
  return FALLBACK
}
