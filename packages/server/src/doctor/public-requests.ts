import { readFileSync } from 'node:fs'
import { request as httpRequest, type IncomingHttpHeaders, type IncomingMessage } from 'node:http'
import { isIP, type Socket } from 'node:net'
import { connect, getCACertificates, type TLSSocket } from 'node:tls'
import type { Network } from '@hearth/federation-client'
import type { Config } from '../generated/config.ts'

const MAX_ANSWER_BYTES = 1024 * 1024

export interface PublicAnswer {
  readonly status: number
  readonly headers: IncomingHttpHeaders
  readonly text: string
  /** The body as JSON; undefined when it is none. */
  readonly json: unknown
}

export interface PublicRequest {
  readonly method?: string
  readonly headers?: Readonly<Record<string, string>>
  readonly body?: Uint8Array
  /** How much of the body is sent before anything is answered; all of it when absent. */
  readonly sendAtFirst?: number
  readonly signal: AbortSignal
}

/** Requests from outside in: names are looked up, certificates looked at, and no proxy is passed by. */
export class PublicRequests {
  readonly #network: Network
  readonly #authorities: readonly string[]

  constructor(deps: { readonly network: Network; readonly config: Config }) {
    this.#network = deps.network
    const { caFile } = deps.config.network
    this.#authorities = caFile === undefined ? [] : [readFileSync(caFile, 'utf8')]
  }

  /**
   * Asks once, without following redirects. Rejects when there is no answer, or its certificate is not to be trusted.
   */
  async ask(url: URL, request: PublicRequest): Promise<PublicAnswer> {
    const socket = await this.#open(url, request.signal)
    try {
      return await exchange(url, socket, request)
    } finally {
      socket.destroy()
    }
  }

  /** Connects with TLS, and leaves judging the certificate to the caller. */
  async connectSecurely(host: string, port: number, signal: AbortSignal): Promise<TLSSocket> {
    const socket = await this.#connect(host, port, signal)
    const secured = this.#secure(socket, host)
    await settled(secured, 'secureConnect', signal)
    return secured
  }

  async #open(url: URL, signal: AbortSignal): Promise<Socket> {
    const host = bare(url.hostname)
    if (url.protocol === 'http:') {
      return this.#connect(host, Number(url.port || 80), signal)
    }
    const secured = await this.connectSecurely(host, Number(url.port || 443), signal)
    if (secured.authorized) return secured
    secured.destroy()
    throw new Error(`the certificate of ${url.host} is not trusted: ${String(secured.authorizationError)}`)
  }

  async #connect(host: string, port: number, signal: AbortSignal): Promise<Socket> {
    signal.throwIfAborted()
    const addresses = isIP(host) ? [host] : await this.#network.addressesOf(host)
    const socket = this.#network.connect(addresses, port)
    await settled(socket, 'connect', signal)
    return socket
  }

  #secure(socket: Socket, host: string): TLSSocket {
    return connect({
      socket,
      ca: [...getCACertificates('default'), ...this.#authorities],
      rejectUnauthorized: false,
      ALPNProtocols: ['http/1.1'],
      ...(isIP(host) === 0 ? { servername: host } : { host }),
    })
  }
}

/** An IPv6 address in a URL stands in brackets. */
function bare(hostname: string): string {
  return hostname.replace(/^\[|\]$/g, '')
}

function exchange(url: URL, socket: Socket, options: PublicRequest): Promise<PublicAnswer> {
  const { method = 'GET', body, sendAtFirst = body?.length ?? 0, signal } = options
  return new Promise((resolve, reject) => {
    const request = httpRequest({
      createConnection: () => socket,
      host: url.hostname,
      path: url.pathname + url.search,
      method,
      headers: { host: url.host, ...(body && { 'content-length': String(body.length) }), ...options.headers },
      signal,
    })
    request.on('error', reject)
    request.on('response', (response: IncomingMessage) => void collect(response).then(resolve, reject))
    if (body === undefined) request.end()
    else if (sendAtFirst < body.length) request.write(body.subarray(0, sendAtFirst))
    else request.end(body)
  })
}

async function collect(response: IncomingMessage): Promise<PublicAnswer> {
  let text = ''
  for await (const chunk of response as AsyncIterable<Buffer>) {
    text += chunk.toString()
    if (text.length > MAX_ANSWER_BYTES) throw new Error('the answer is too long')
  }
  return { status: response.statusCode ?? 0, headers: response.headers, text, json: parsed(text) }
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

function settled(socket: Socket, event: 'connect' | 'secureConnect', signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const onAbort = (): void => fail(signal.reason as Error)
    const fail = (failure: Error): void => {
      signal.removeEventListener('abort', onAbort)
      socket.destroy()
      reject(failure)
    }
    socket.on('error', fail)
    socket.once('close', () => fail(new Error('the connection was closed')))
    socket.once(event, () => {
      signal.removeEventListener('abort', onAbort)
      resolve()
    })
    if (signal.aborted) onAbort()
    else signal.addEventListener('abort', onAbort, { once: true })
  })
}
