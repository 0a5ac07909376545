import { HttpConnection } from './http-connection.ts'
import type { RawResponse } from './http-connection.ts'

/** What a server answered. `body` is the parsed JSON. */
export interface HttpResponse<T = unknown> {
  readonly status: number
  readonly body: T
}

export interface HttpRequest {
  readonly method: 'GET' | 'PUT' | 'POST'
  /** Path and query, already encoded. */
  readonly path: string
  readonly body?: object
  readonly token?: string | undefined
  /** Closes the connection when it fires. */
  readonly signal?: AbortSignal
  /** Called once the request has been handed to the operating system. */
  readonly onSent?: () => void
}

/** JSON requests over as many kept-alive connections as there are requests at once. */
export class HttpClient {
  readonly #address: { readonly host: string; readonly port: number }
  readonly #connections = new Set<HttpConnection>()
  /** Those without a request; the one that was used last is used first. */
  readonly #idle: HttpConnection[] = []

  /** @param base such as `http://127.0.0.1:8008`; only `http` is spoken, so that TLS is not measured by accident */
  constructor(base: string) {
    const url = new URL(base)
    if (url.protocol !== 'http:') throw new Error(`--base must be an http URL, not ${base}`)
    this.#address = { host: url.hostname, port: Number(url.port || 80) }
  }

  async send<T>(request: HttpRequest): Promise<HttpResponse<T>> {
    const { status, body } = await this.#exchange(request)
    return { status, body: JSON.parse(body.toString() || '{}') as T }
  }

  /** Closes every connection, also those that wait for an answer. */
  close(): void {
    for (const connection of this.#connections) connection.close()
  }

  async #exchange(request: HttpRequest): Promise<RawResponse> {
    const { signal, onSent } = request
    signal?.throwIfAborted()
    const text = this.#textOf(request)
    const reused = this.#takeIdle()
    try {
      return await this.#exchangeOn(reused ?? this.#open(), text, signal, onSent)
    } catch (error) {
      // A server may close an idle connection at the very moment a request is written to it.
      if (!reused || signal?.aborted) throw error
      return this.#exchangeOn(this.#open(), text, signal, onSent)
    }
  }

  async #exchangeOn(
    connection: HttpConnection,
    text: string,
    signal: AbortSignal | undefined,
    onSent: (() => void) | undefined,
  ): Promise<RawResponse> {
    const abort = () => connection.close()
    signal?.addEventListener('abort', abort)
    try {
      const response = await connection.send(text, onSent)
      if (connection.isReusable) this.#idle.push(connection)
      return response
    } finally {
      signal?.removeEventListener('abort', abort)
      if (!connection.isReusable) this.#connections.delete(connection)
    }
  }

  #textOf({ method, path, body, token }: HttpRequest): string {
    const json = body && JSON.stringify(body)
    const { host, port } = this.#address
    return (
      `${method} ${path} HTTP/1.1\r\nHost: ${host}:${port}\r\n` +
      (token ? `Authorization: Bearer ${token}\r\n` : '') +
      (json === undefined
        ? '\r\n'
        : `Content-Type: application/json\r\nContent-Length: ${Buffer.byteLength(json)}\r\n\r\n${json}`)
    )
  }

  #takeIdle(): HttpConnection | undefined {
    for (let connection = this.#idle.pop(); connection; connection = this.#idle.pop()) {
      if (connection.isReusable) return connection
    }
    return undefined
  }

  #open(): HttpConnection {
    const connection = new HttpConnection(this.#address, (closed) => this.#connections.delete(closed))
    this.#connections.add(connection)
    return connection
  }
}
