import { once } from 'node:events'
import { request as httpRequest, type IncomingMessage, type ServerResponse } from 'node:http'
import { createServer, type Server } from 'node:https'
import type { AddressInfo } from 'node:net'
import { pipeline } from 'node:stream'

import type { IssuedCertificate } from '../tls/test-ca.ts'

/**
 * Ends TLS in front of a server, and can be closed to some other servers: their requests break off as if the network were
 * down. It knows them by what they sign their requests as; what is not signed (keys, clients) always passes.
 */
export class FederationGate implements AsyncDisposable {
  /** The name that the server behind it has to have: the gate's address. */
  readonly serverName: string
  readonly #server: Server
  #target = ''
  #closedTo: ReadonlySet<string> = new Set()

  private constructor(server: Server) {
    this.#server = server
    this.serverName = `127.0.0.1:${(server.address() as AddressInfo).port}`
    server.on('request', (request: IncomingMessage, response: ServerResponse) => this.#pass(request, response))
  }

  static async open({ certificate, privateKey }: IssuedCertificate): Promise<FederationGate> {
    const server = createServer({ cert: certificate, key: privateKey })
    server.listen(0, '127.0.0.1')
    await once(server, 'listening')
    return new FederationGate(server)
  }

  /** Says where the server behind the gate listens, once it does. */
  leadTo(url: string): void {
    this.#target = url
  }

  /** Lets no request of these servers through, until it is called again. */
  closeTo(servers: readonly string[]): void {
    this.#closedTo = new Set(servers)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const closed = once(this.#server, 'close')
    this.#server.close()
    this.#server.closeAllConnections()
    await closed
  }

  #pass(request: IncomingMessage, response: ServerResponse): void {
    const [, origin] = /^X-Matrix .*\borigin="?([^",]+)/.exec(request.headers.authorization ?? '') ?? []
    if (origin !== undefined && this.#closedTo.has(origin)) {
      request.destroy()
      return
    }
    const { method, headers } = request
    const onward = httpRequest(new URL(this.#target), { method, path: request.url, headers }, (answer) => {
      response.writeHead(answer.statusCode!, answer.headers)
      pipeline(answer, response, () => undefined)
    })
    onward.on('error', () => response.destroy())
    pipeline(request, onward, () => undefined)
  }
}
