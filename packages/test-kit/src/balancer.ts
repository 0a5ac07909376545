import { once } from 'node:events'
import { Agent, createServer, request, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'

const idempotent: ReadonlySet<string> = new Set(['GET', 'HEAD', 'PUT', 'DELETE', 'OPTIONS'])

/**
 * A load balancer that knows nothing: each request goes to the next process, whoever sends it. One that cannot be sent, or
 * is broken off and may be sent twice by HTTP's rules, is tried on the next one.
 */
export class Balancer {
  readonly #server: Server
  readonly #agent = new Agent({ keepAlive: true, maxSockets: Infinity })
  readonly #targets: () => readonly string[]
  #turn = 0
  /** Requests that were tried on another process. */
  retried = 0

  private constructor(targets: () => readonly string[]) {
    this.#targets = targets
    this.#server = createServer((incoming, response) => void this.#serve(incoming, response))
    this.#server.keepAliveTimeout = 60_000
  }

  /** `targets` gives the processes' URLs, for each request anew. */
  static async start(targets: () => readonly string[]): Promise<Balancer> {
    const balancer = new Balancer(targets)
    balancer.#server.listen(0, '127.0.0.1')
    await once(balancer.#server, 'listening')
    return balancer
  }

  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`
  }

  async stop(): Promise<void> {
    this.#server.close()
    this.#server.closeAllConnections()
    this.#agent.destroy()
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.stop()
  }

  async #serve(incoming: IncomingMessage, response: ServerResponse): Promise<void> {
    const pieces: Buffer[] = []
    for await (const piece of incoming) pieces.push(piece as Buffer)
    const body = Buffer.concat(pieces)
    const turn = this.#turn++
    for (let attempt = 0; ; attempt += 1) {
      const targets = this.#targets()
      const target = targets[(turn + attempt) % targets.length]!
      const outcome = await this.#forward(target, incoming, body, response)
      if (outcome === 'answered') return
      const mayRepeat = outcome === 'unsent' || idempotent.has(incoming.method!)
      if (!mayRepeat || attempt > 2 * targets.length || response.headersSent || response.destroyed) break
      this.retried += 1
    }
    if (!response.headersSent) response.writeHead(502)
    response.end()
  }

  #forward(
    target: string,
    { method, url, headers }: IncomingMessage,
    body: Buffer,
    response: ServerResponse,
  ): Promise<'answered' | 'unsent' | 'broken'> {
    return new Promise((resolve) => {
      const sent = request(new URL(url!, target), { method: method!, agent: this.#agent, headers })
      response.once('close', () => sent.destroy())
      sent.on('response', (answer) => {
        response.writeHead(answer.statusCode!, answer.headers)
        answer.pipe(response)
        answer.on('end', () => resolve('answered'))
        answer.on('error', () => {
          response.destroy()
          resolve('answered')
        })
      })
      sent.on('error', (error: NodeJS.ErrnoException) => resolve(error.code === 'ECONNREFUSED' ? 'unsent' : 'broken'))
      sent.end(body)
    })
  }
}
