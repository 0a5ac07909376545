import { request } from 'node:http'

export interface RawAnswer {
  readonly status: number
  readonly body: { readonly errcode?: string; readonly [key: string]: unknown }
}

/** Sends a request with exactly this target, these headers and this body. */
export function sendRequest(
  url: string,
  {
    method,
    target,
    headers = [],
    body,
  }: {
    readonly method: string
    readonly target: string
    /** Name, value, name, value… */
    readonly headers?: readonly string[]
    readonly body?: string | Buffer
  },
): Promise<RawAnswer> {
  const { hostname, port, host } = new URL(url)
  const all = [
    'Host',
    host,
    ...headers,
    ...(body === undefined ? [] : ['Content-Length', String(Buffer.byteLength(body))]),
  ]
  return new Promise((resolve, reject) => {
    const sent = request({ hostname, port, method, path: target, headers: all }, (response) => {
      const parts: Buffer[] = []
      response.on('data', (part: Buffer) => parts.push(part))
      response.on('error', reject)
      response.on('end', () => {
        const text = Buffer.concat(parts).toString()
        resolve({ status: response.statusCode!, body: JSON.parse(text) as RawAnswer['body'] })
      })
    })
    sent.on('error', reject)
    sent.end(body)
  })
}
