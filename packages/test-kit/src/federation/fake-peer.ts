import type { IncomingHttpHeaders, IncomingMessage, ServerResponse } from 'node:http'
import { createServer, type Server } from 'node:https'
import type { AddressInfo, Socket } from 'node:net'
import { canonicalJson, generateSigningKey, signJson, type Signed, type SigningKey } from '@hearth/crypto'
import type { JsonObject, ServerName } from '@hearth/protocol'
import type { IssuedCertificate, TestCa } from '../tls/test-ca.ts'
import type { TestAnswer } from '../test-client.ts'
import type { FakeNetwork } from './fake-network.ts'

/** A request that a peer got. */
export interface PeerRequest {
  readonly method: string
  /** Path and query as they were sent. */
  readonly target: string
  readonly path: string
  readonly query: URLSearchParams
  readonly headers: IncomingHttpHeaders
  /** The body as text; empty when there was none. */
  readonly text: string
  /** The body as JSON; an empty object when it is not an object. */
  readonly body: JsonObject
  /** The name that TLS was asked for. */
  readonly sni: string | undefined
}

/** An answer of a peer: `[status, body]`, a body for 200, or nothing when the response has been dealt with. */
export type PeerAnswer = readonly [status: number, body: unknown] | JsonObject | undefined
export type PeerHandler = (request: PeerRequest, response: ServerResponse) => PeerAnswer | Promise<PeerAnswer>

export interface FakePeerOptions {
  readonly ca: TestCa
  /** A name in `network`, `peer.test` when absent; without a network the peer is called by its address and port. */
  readonly name?: string
  readonly network?: FakeNetwork
  /** The port at which the network has it; 8448 when absent. */
  readonly port?: number
  /** What it shows instead of a certificate for its name. */
  readonly certificate?: Pick<IssuedCertificate, 'certificate' | 'privateKey'>
  readonly signingKey?: SigningKey
}

/**
 * Another server of the federation, as far as a test wants it to be one: with a key, which it publishes, and with answers
 * that a test gives it, good and bad ones. What it has no answer for is 404 `M_UNRECOGNIZED`.
 */
export class FakePeer implements AsyncDisposable {
  readonly name: ServerName
  readonly signingKey: SigningKey
  /** The port of this machine that it listens on. */
  readonly localPort: number
  /** The address that its network knows it by. */
  readonly address: string
  /** All requests, oldest first. */
  readonly requests: PeerRequest[] = []
  readonly #server: Server
  readonly #sockets: ReadonlySet<Socket>
  readonly #handlers: { method: string; path: string | RegExp; handler: PeerHandler }[] = []

  private constructor(deps: {
    name: ServerName
    signingKey: SigningKey
    address: string
    server: Server
    sockets: ReadonlySet<Socket>
  }) {
    this.name = deps.name
    this.signingKey = deps.signingKey
    this.address = deps.address
    this.#server = deps.server
    this.#sockets = deps.sockets
    this.localPort = (deps.server.address() as AddressInfo).port
    this.on('GET', '/_matrix/key/v2/server', () => this.keyDocument())
    this.on('GET', '/_matrix/federation/v1/version', () => ({ server: { name: 'FakePeer', version: '1' } }))
    this.on('PUT', /^\/_matrix\/federation\/v1\/send\//, () => ({ pdus: {} }))
  }

  static async start(options: FakePeerOptions): Promise<FakePeer> {
    const { ca, network, port = 8448, signingKey = generateSigningKey() } = options
    const host = network === undefined ? '127.0.0.1' : (options.name ?? 'peer.test')
    const { certificate, privateKey } = options.certificate ?? (await ca.issue(host.replace(/:.*/, '')))
    const server = createServer({ cert: certificate, key: privateKey })
    const sockets = new Set<Socket>()
    server.on('connection', (socket: Socket) => {
      sockets.add(socket)
      socket.once('close', () => sockets.delete(socket))
    })
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    const localPort = (server.address() as AddressInfo).port
    const address = network?.addHost(host.replace(/:.*/, '')) ?? '127.0.0.1'
    network?.listen(address, port, localPort)
    const name = (network === undefined ? `127.0.0.1:${localPort}` : host) as ServerName
    const peer = new FakePeer({ name, signingKey, address, server, sockets })
    server.on('request', (request, response) => void peer.#serve(request, response))
    return peer
  }

  /** Answers requests for a path; what is said last goes first. */
  on(method: string, path: string | RegExp, handler: PeerHandler): void {
    this.#handlers.unshift({ method, path, handler })
  }

  /** The requests to paths that match, oldest first. */
  requestsTo(path: RegExp): PeerRequest[] {
    return this.requests.filter((request) => path.test(request.path))
  }

  /** Waits until there was such a request. Fails after 20 s. */
  async nextRequestTo(path: RegExp, { after = 0 } = {}): Promise<PeerRequest> {
    const until = Date.now() + 20_000
    for (;;) {
      const request = this.requestsTo(path)[after]
      if (request !== undefined) return request
      if (Date.now() > until) throw new Error(`${this.name} was not asked for ${path.source}`)
      await new Promise((resolve) => setTimeout(resolve, 10))
    }
  }

  /** Its keys, as it publishes them: valid for a day. */
  keyDocument(validUntilTs = Date.now() + 86_400_000): Signed<JsonObject> {
    return this.sign({
      server_name: this.name,
      valid_until_ts: validUntilTs,
      verify_keys: { [this.signingKey.keyId]: { key: this.signingKey.publicKey } },
      old_verify_keys: {},
    })
  }

  /** Signs an object in its name. */
  sign<T extends JsonObject>(object: T): Signed<T> {
    return signJson(object, this.name, this.signingKey)
  }

  /** The `Authorization` header of a request of this peer. */
  authorization(request: { destination: string; method: string; target: string; body?: JsonObject }): string {
    const { destination, method, target, body } = request
    const signed = { method, uri: target, origin: this.name, destination, ...(body && { content: body }) }
    const signature = this.signingKey.sign(canonicalJson(signed))
    return `X-Matrix origin="${this.name}",destination="${destination}",key="${this.signingKey.keyId}",sig="${signature}"`
  }

  /** Asks a server that is under test, with a signed request. */
  async ask(
    server: { readonly url: string; readonly name: string },
    method: string,
    target: string,
    body?: JsonObject,
  ): Promise<TestAnswer> {
    const response = await fetch(server.url + target, {
      method,
      headers: {
        authorization: this.authorization({ destination: server.name, method, target, ...(body && { body }) }),
        ...(body && { 'content-type': 'application/json' }),
      },
      ...(body && { body: canonicalJson(body) }),
    })
    const text = await response.text()
    return { status: response.status, text, headers: response.headers, body: jsonOf(text) }
  }

  /** Breaks off all connections. */
  cutConnections(): void {
    for (const socket of this.#sockets) socket.destroy()
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const closed = new Promise((resolve) => this.#server.close(resolve))
    this.cutConnections()
    await closed
  }

  async #serve(incoming: IncomingMessage, response: ServerResponse): Promise<void> {
    const parts: Buffer[] = []
    incoming.on('error', () => undefined)
    response.on('error', () => undefined)
    try {
      for await (const part of incoming) parts.push(part as Buffer)
    } catch {
      return
    }
    const { method = '', url: target = '', headers } = incoming
    const text = Buffer.concat(parts).toString('utf8')
    const [path = '', query = ''] = target.split('?')
    const { servername } = incoming.socket as Socket & { servername?: string | false }
    const sni = typeof servername === 'string' ? servername : undefined
    const request = { method, target, path, query: new URLSearchParams(query), headers, text, body: jsonOf(text), sni }
    this.requests.push(request)
    const handler = this.#handlers.find((known) => known.method === method && matches(known.path, path))?.handler
    const answer = handler ? await handler(request, response) : ([404, { errcode: 'M_UNRECOGNIZED' }] as const)
    if (answer === undefined) return
    const [status, body] = Array.isArray(answer) ? (answer as readonly [number, unknown]) : [200, answer]
    response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body))
  }
}

function matches(known: string | RegExp, path: string): boolean {
  return typeof known === 'string' ? known === path : known.test(path)
}

function jsonOf(text: string): JsonObject {
  try {
    const value: unknown = JSON.parse(text)
    return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as JsonObject) : {}
  } catch {
    return {}
  }
}
