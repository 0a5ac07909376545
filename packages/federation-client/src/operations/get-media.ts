import type { ServerName } from '@hearth/protocol'
import type { RequestOptions } from '../request-options.ts'
import { readMixed } from '../requests/multipart-mixed.ts'
import type { RequestLimits, StreamedAnswer } from '../requests/remote-request.ts'
import type { Requests } from '../requests/requests.ts'
import { InvalidAnswer, ServerUnreachable } from '../server-unreachable.ts'
import { path, withQuery } from './target.ts'

export interface GetMediaOptions extends RequestOptions {
  /** The largest file, in bytes. */
  readonly maxBytes: number
  /** How long the other server may wait for a file that is still being sent to it, in milliseconds. */
  readonly timeoutMs: number
}

/** A file as it arrives, or where it is to be had. To be disposed of. */
export type MediaAnswer = Disposable &
  (
    | { readonly location: string }
    | {
        readonly location?: undefined
        readonly contentType: string | undefined
        readonly contentDisposition: string | undefined
        /** @throws ServerUnreachable when it breaks off, is too long or too slow */
        readonly body: AsyncIterable<Buffer>
      }
  )

/** Room for what is around a file in a multipart answer. */
const ENVELOPE_BYTES = 128 * 1024
const redirects: ReadonlySet<number> = new Set([301, 302, 303, 307, 308])

function limitsOf({ maxBytes, timeoutMs }: GetMediaOptions): Partial<RequestLimits> {
  return {
    connectMs: 10_000,
    firstByteMs: timeoutMs + 20_000,
    idleMs: 20_000,
    totalMs: 60 * 60_000,
    maxBytes: maxBytes + ENVELOPE_BYTES,
  }
}

/** {@link https://spec.matrix.org/v1.19/server-server-api/#get_matrixfederationv1mediadownloadmediaid} */
export async function getMedia(
  requests: Requests,
  destination: ServerName,
  mediaId: string,
  options: GetMediaOptions,
): Promise<MediaAnswer> {
  const answer = await requests.stream(
    {
      operation: 'getMedia',
      destination,
      method: 'GET',
      target: withQuery(path`/_matrix/federation/v1/media/download/${mediaId}`, { timeout_ms: options.timeoutMs }),
      accept: 'multipart/mixed',
      limits: limitsOf(options),
    },
    options,
  )
  try {
    if (answer.status !== 200) throw new InvalidAnswer(`its status is ${answer.status}`)
    const { headers, body } = await readMixed(answer.headers['content-type'], answer.body)
    const location = headers.get('location')
    const dispose = (): void => answer[Symbol.dispose]()
    if (location !== undefined) return { location, [Symbol.dispose]: dispose }
    return {
      contentType: headers.get('content-type'),
      contentDisposition: headers.get('content-disposition'),
      body: unreachableFrom(destination, body),
      [Symbol.dispose]: dispose,
    }
  } catch (error) {
    answer[Symbol.dispose]()
    throw error instanceof InvalidAnswer ? new ServerUnreachable(destination, error) : error
  }
}

/** {@link https://spec.matrix.org/v1.19/client-server-api/#get_matrixmediav3downloadservernamemediaid} */
export async function getMediaUnauthenticated(
  requests: Requests,
  destination: ServerName,
  mediaId: string,
  options: GetMediaOptions,
): Promise<MediaAnswer> {
  const query = { allow_remote: false, allow_redirect: true, timeout_ms: options.timeoutMs }
  const answer: StreamedAnswer = await requests.stream(
    {
      operation: 'getMediaUnauthenticated',
      destination,
      method: 'GET',
      target: withQuery(path`/_matrix/media/v3/download/${destination}/${mediaId}`, query),
      signed: false,
      accept: '*/*',
      limits: limitsOf(options),
    },
    options,
  )
  const { status, headers, body } = answer
  const dispose = (): void => answer[Symbol.dispose]()
  const { location } = headers
  if (redirects.has(status) && location !== undefined) return { location, [Symbol.dispose]: dispose }
  if (status !== 200) {
    dispose()
    throw new ServerUnreachable(destination, new InvalidAnswer(`its status is ${status}`))
  }
  const contentType = headers['content-type']
  return { contentType, contentDisposition: headers['content-disposition'], body, [Symbol.dispose]: dispose }
}

async function* unreachableFrom(destination: ServerName, body: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
  try {
    yield* body
  } catch (error) {
    throw error instanceof InvalidAnswer ? new ServerUnreachable(destination, error) : error
  }
}
