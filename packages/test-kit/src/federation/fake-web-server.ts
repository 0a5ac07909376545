import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { FakeNetwork } from './fake-network.ts'

/** A request that a web server got. */
export interface WebPageRequest {
  readonly host: string
  /** Path and query as they were sent. */
  readonly target: string
  /** Name, value, name, value, as they were sent. */
  readonly rawHeaders: readonly string[]
}

/** An answer: headers and body of a 200, or nothing when the response has been dealt with. */
export type WebPage = { readonly type: string; readonly body: string | Uint8Array } | undefined
type PageHandler = (request: WebPageRequest, response: ServerResponse) => WebPage | Promise<WebPage>

/** Pages of the web, good and bad ones, on any number of hosts of a fake network, without TLS. What is not there is 404. */
export class FakeWebServer implements AsyncDisposable {
  /** All requests, oldest first. */
  readonly requests: WebPageRequest[] = []
  /** The port of this machine that it listens on. */
  readonly localPort: number
  readonly #server: Server
  readonly #network: FakeNetwork
  readonly #pages = new Map<string, WebPage | PageHandler>()

  private constructor(server: Server, network: FakeNetwork) {
    this.#server = server
    this.#network = network
    this.localPort = (server.address() as AddressInfo).port
  }

  static async start(network: FakeNetwork): Promise<FakeWebServer> {
    const server = createServer()
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    const web = new FakeWebServer(server, network)
    server.on('request', (request, response) => void web.#answer(request, response))
    return web
  }

  /** Makes it the server of a host, at a public address unless one is given. Gives the address. */
  addHost(name: string, { address, port = 80 }: { address?: string; port?: number } = {}): string {
    const at = this.#network.addHost(name, address === undefined ? undefined : [address])
    this.#network.listen(at, port, this.localPort)
    return at
  }

  /** Sets what is at a path, on all hosts. */
  put(path: string, page: WebPage | PageHandler): void {
    this.#pages.set(path, page)
  }

  /** The requests to a path. */
  requestsTo(path: string): readonly WebPageRequest[] {
    return this.requests.filter(({ target }) => target === path)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#server.closeAllConnections()
    await new Promise((resolve) => this.#server.close(resolve))
  }

  async #answer(message: IncomingMessage, response: ServerResponse): Promise<void> {
    // Whoever asked may go away while it is answered.
    response.on('error', () => undefined)
    const request = { host: message.headers.host ?? '', target: message.url!, rawHeaders: message.rawHeaders }
    this.requests.push(request)
    const found = this.#pages.get(request.target) ?? this.#pages.get(new URL(request.target, 'http://any').pathname)
    if (found === undefined) {
      response.writeHead(404).end()
      return
    }
    const page = typeof found === 'function' ? await found(request, response) : found
    if (page !== undefined) response.writeHead(200, { 'content-type': page.type }).end(page.body)
  }
}
