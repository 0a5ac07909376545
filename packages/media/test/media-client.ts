import { once } from 'node:events'
import { request, type IncomingHttpHeaders, type IncomingMessage, type OutgoingHttpHeaders } from 'node:http'
import type { Readable } from 'node:stream'
import { buffer } from 'node:stream/consumers'
import type { TestClient } from '@hearth/test-kit'

export interface MediaAnswer {
  readonly status: number
  readonly headers: IncomingHttpHeaders
  readonly bytes: Buffer
  /** The body as JSON, when it is that. */
  readonly body: Record<string, unknown>
}

/** A request with any body, by Node's own client, which sends and shows what fetch would not. */
export async function send(
  url: string,
  method: string,
  target: string,
  { headers = {}, body }: { headers?: OutgoingHttpHeaders; body?: Uint8Array | string | Readable } = {},
): Promise<MediaAnswer> {
  const { promise, resolve, reject } = Promise.withResolvers<MediaAnswer>()
  const { hostname, port } = new URL(url)
  const sent = request({ hostname, port, method, path: target, headers, agent: false }, (response) => {
    const { statusCode: status = 0, headers } = response
    buffer(response).then((bytes) => resolve({ status, headers, bytes, body: jsonOf(bytes) }), reject)
  })
  sent.on('error', reject)
  if (body === undefined || typeof body === 'string' || body instanceof Uint8Array) sent.end(body)
  else body.pipe(sent)
  return await promise
}

/** What a user does with files. */
export class MediaClient {
  readonly #url: () => string
  readonly #token: string

  constructor(url: () => string, client: TestClient) {
    this.#url = url
    this.#token = client.accessToken
  }

  request(method: string, target: string, options: Parameters<typeof send>[3] = {}): Promise<MediaAnswer> {
    const headers = { authorization: `Bearer ${this.#token}`, ...options.headers }
    return send(this.#url(), method, target, { ...options, headers })
  }

  /** Sends a file and gives the part of its mxc URI behind the scheme: `server/id`. */
  async upload(body: Uint8Array | string | Readable, { type = 'text/plain', name = '' } = {}): Promise<string> {
    const query = name === '' ? '' : `?filename=${encodeURIComponent(name)}`
    const headers = { 'content-type': type }
    const answer = await this.request('POST', `/_matrix/media/v3/upload${query}`, { headers, body })
    if (answer.status !== 200) throw new Error(`upload: ${answer.status} ${answer.bytes.toString()}`)
    return mxcPath(answer)
  }

  /** Begins a download, which is read as it comes. */
  async open(path: string): Promise<IncomingMessage> {
    const headers = { authorization: `Bearer ${this.#token}` }
    const asking = request(`${this.#url()}/_matrix/client/v1/media/download/${path}`, { headers, agent: false })
    asking.end()
    const [response] = (await once(asking, 'response')) as [IncomingMessage]
    return response
  }

  download(path: string, headers: OutgoingHttpHeaders = {}): Promise<MediaAnswer> {
    return this.request('GET', `/_matrix/client/v1/media/download/${path}`, { headers })
  }
}

/** `server/id` of the answer to an upload. */
export function mxcPath({ body }: MediaAnswer): string {
  return (body['content_uri'] as string).replace(/^mxc:\/\//, '')
}

function jsonOf(bytes: Buffer): Record<string, unknown> {
  try {
    return JSON.parse(bytes.toString()) as Record<string, unknown>
  } catch {
    return {}
  }
}
