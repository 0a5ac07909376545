import { once } from 'node:events'
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'

/** A plain HTTP server behind nginx, which shows what arrives there. */
export class PlainUpstream implements AsyncDisposable {
  /** Every request that arrived. */
  readonly requests: IncomingMessage[] = []
  readonly #server: Server

  private constructor(server: Server) {
    this.#server = server
  }

  static async start(answer: (request: IncomingMessage, response: ServerResponse) => void): Promise<PlainUpstream> {
    const server = createServer()
    const upstream = new PlainUpstream(server)
    server.on('request', (request: IncomingMessage, response: ServerResponse) => {
      upstream.requests.push(request)
      answer(request, response)
    })
    server.listen(0, '127.0.0.1')
    await once(server, 'listening')
    return upstream
  }

  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const closed = once(this.#server, 'close')
    this.#server.close()
    this.#server.closeAllConnections()
    await closed
  }
}
