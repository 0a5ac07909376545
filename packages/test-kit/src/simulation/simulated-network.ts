import { Agent, request as httpRequest, type IncomingMessage, type ServerResponse } from 'node:http'
import { createServer, type Server } from 'node:https'
import { connect, type AddressInfo, type Socket } from 'node:net'
import { createSecureContext, type TLSSocket } from 'node:tls'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Network } from '@hearth/federation-client'
import { SeededRandom } from '../seeded-random.ts'
import type { TestCa } from '../tls/test-ca.ts'

/** How a network treats requests: the chances are per cent. */
export interface NetworkFaults {
  /** A request that does not arrive. */
  readonly lost: number
  /** One that arrives, and whose answer does not. */
  readonly unanswered: number
  /** One that arrives again, some time later. */
  readonly repeated: number
  /** The longest that a request is under way, in milliseconds: those that are at a time overtake one another. */
  readonly delayMs: number
}

export const noFaults: NetworkFaults = { lost: 0, unanswered: 0, repeated: 0, delayMs: 0 }

interface Front {
  readonly server: Server
  readonly sockets: Set<Socket>
  readonly random: SeededRandom
}

interface ForwardedRequest {
  readonly method: string
  readonly target: string
  readonly headers: IncomingMessage['headers']
  readonly body: Buffer
}

/**
 * The network between several servers of this process. It ends the TLS of each under the name that was asked for, and
 * hands requests on to where that server listens: late, twice, or not at all, as a seed has it.
 */
export class SimulatedNetwork implements AsyncDisposable {
  readonly #ca: TestCa
  readonly #agent = new Agent({ keepAlive: true })
  readonly #urls = new Map<string, string>()
  readonly #fronts = new Map<string, Front>()
  readonly #contexts = new Map<string, ReturnType<typeof createSecureContext>>()
  readonly #repeats = new Set<Promise<unknown>>()
  #groups: readonly (readonly string[])[] = []
  #faults: NetworkFaults = noFaults

  constructor(ca: TestCa) {
    this.#ca = ca
  }

  /** The network as one server sees it. */
  async of(origin: string): Promise<Network> {
    const { certificate, privateKey } = await this.#ca.issue(origin)
    this.#contexts.set(origin, createSecureContext({ cert: certificate, key: privateKey }))
    const server = createServer({ SNICallback: (name, done) => done(null, this.#contexts.get(name)) })
    const front = { server, sockets: new Set<Socket>(), random: new SeededRandom(0) }
    this.#fronts.set(origin, front)
    server.on('connection', (socket: Socket) => {
      front.sockets.add(socket)
      socket.once('close', () => front.sockets.delete(socket))
    })
    server.on('request', (incoming, response) => void this.#take(origin, front, incoming, response))
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    const { port } = server.address() as AddressInfo
    return {
      addressesOf: (host) =>
        this.#contexts.has(host)
          ? Promise.resolve(['9.9.9.9'])
          : Promise.reject(Object.assign(new Error(`no such host: ${host}`), { code: 'ENOTFOUND' })),
      srvRecords: () => Promise.resolve([]),
      connect: () => connect({ port, host: '127.0.0.1', noDelay: true }),
    }
  }

  /** Says where a server really listens. */
  locate(name: string, url: string): void {
    this.#urls.set(name, url)
  }

  /** Begins anew to decide by chance. */
  seed(seed: number): void {
    let next = seed
    for (const name of this.#fronts.keys()) {
      this.#fronts.set(name, Object.assign(this.#fronts.get(name)!, { random: new SeededRandom(next++) }))
    }
  }

  /** What happens to requests from now on. */
  disturb(faults: NetworkFaults): void {
    this.#faults = faults
  }

  /** From now on only servers of one group reach one another. */
  part(groups: readonly (readonly string[])[]): void {
    this.#groups = groups
  }

  /** Everybody reaches everybody again, and nothing is lost any more. */
  async heal(): Promise<void> {
    this.#groups = []
    this.#faults = noFaults
    await Promise.allSettled(this.#repeats)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const { server, sockets } of this.#fronts.values()) {
      const closed = new Promise((resolve) => server.close(resolve))
      for (const socket of sockets) socket.destroy()
      await closed
    }
    await Promise.allSettled(this.#repeats)
    this.#agent.destroy()
  }

  async #take(origin: string, { random }: Front, incoming: IncomingMessage, response: ServerResponse): Promise<void> {
    incoming.on('error', () => undefined)
    response.on('error', () => undefined)
    const parts: Buffer[] = []
    try {
      for await (const part of incoming) parts.push(part as Buffer)
    } catch {
      return
    }
    const { method = '', url: target = '', headers } = incoming
    const destination = (incoming.socket as TLSSocket & { servername?: string }).servername ?? ''
    if (target.startsWith('/.well-known/')) {
      response.writeHead(404, { 'content-type': 'application/json' }).end('{}')
      return
    }
    const { lost, unanswered, repeated, delayMs } = this.#faults
    // All are drawn, whatever comes of them: the next request's luck is its own.
    const luck = { lost: random.chance(lost), unanswered: random.chance(unanswered), repeated: random.chance(repeated) }
    const [delay, repeatDelay] = [random.below(delayMs + 1), random.below(5 * delayMs + 1)]
    if (delayMs > 0) await sleep(delay)
    if (luck.lost || this.#isParted(origin, destination)) return void incoming.socket.destroy()
    const request = { method, target, headers, body: Buffer.concat(parts) }
    if (luck.repeated) this.#repeat(origin, destination, request, repeatDelay)
    try {
      const answer = await this.#forward(destination, request)
      if (luck.unanswered || this.#isParted(origin, destination)) return void incoming.socket.destroy()
      response.writeHead(answer.status, { 'content-type': answer.contentType }).end(answer.body)
    } catch {
      incoming.socket.destroy()
    }
  }

  #isParted(origin: string, destination: string): boolean {
    return this.#groups.some((group) => group.includes(origin) !== group.includes(destination))
  }

  #repeat(origin: string, destination: string, request: ForwardedRequest, delayMs: number): void {
    const repeated = sleep(delayMs)
      .then(() => (this.#isParted(origin, destination) ? undefined : this.#forward(destination, request)))
      .catch(() => undefined)
      .finally(() => this.#repeats.delete(repeated))
    this.#repeats.add(repeated)
  }

  #forward(
    destination: string,
    { method, target, headers, body }: ForwardedRequest,
  ): Promise<{ status: number; contentType: string; body: Buffer }> {
    const url = this.#urls.get(destination)
    if (url === undefined) return Promise.reject(new Error(`${destination} is not there`))
    const { hostname, port } = new URL(url)
    return new Promise((resolve, reject) => {
      const options = { hostname, port, method, path: target, headers, agent: this.#agent }
      const request = httpRequest(options, (answer) => {
        const parts: Buffer[] = []
        answer.on('data', (part: Buffer) => parts.push(part))
        answer.on('error', reject)
        answer.on('end', () => {
          const contentType = answer.headers['content-type'] ?? 'application/json'
          resolve({ status: answer.statusCode ?? 500, contentType, body: Buffer.concat(parts) })
        })
      })
      request.on('error', reject)
      request.end(body)
    })
  }
}
