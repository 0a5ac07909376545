import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { connect, createServer, type Server, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

/** Something that is to go wrong once, at the first statement that contains a text. */
interface Cut {
  readonly text: string
  /** Whether the statement never reaches the server, or its answer never comes back. */
  readonly what: 'request' | 'answer'
  readonly done: PromiseWithResolvers<void>
}

/** The end of an answer: the server is ready for the next statement, outside of a transaction. */
const readyForQuery = Buffer.from('Z\0\0\0\x05I', 'latin1')

/** Stands between a server and its PostgreSQL, and loses what it is told to lose. */
export class DatabaseProxy {
  /** Where the database is reached through it. */
  readonly url: string
  readonly #directory: string
  readonly #server: Server
  readonly #target: () => Socket
  readonly #sockets = new Set<Socket>()
  #cut: Cut | undefined
  #isRefusing = false

  private constructor(deps: { url: string; directory: string; server: Server; target: () => Socket }) {
    this.url = deps.url
    this.#directory = deps.directory
    this.#server = deps.server
    this.#target = deps.target
    this.#server.on('connection', (socket) => this.#accept(socket))
  }

  static async listen(databaseUrl: string): Promise<DatabaseProxy> {
    const directory = await mkdtemp(join(tmpdir(), 'hearth-proxy-'))
    const target = new URL(databaseUrl)
    const host = target.searchParams.get('host') ?? target.hostname
    const port = Number(target.searchParams.get('port') ?? (target.port || 5432))
    const isSocket = host.startsWith('/')
    const url = new URL(databaseUrl)
    url.searchParams.set('host', directory)
    url.searchParams.set('port', String(port))
    const server = createServer()
    server.listen(join(directory, `.s.PGSQL.${port}`))
    await once(server, 'listening')
    const open = (): Socket => (isSocket ? connect(join(host, `.s.PGSQL.${port}`)) : connect(port, host))
    return new DatabaseProxy({ url: url.href, directory, server, target: open })
  }

  /** Cuts the connection after the next statement that contains the text was carried out, before its answer is back. */
  loseAnswer(text: string): Promise<void> {
    return this.#arm(text, 'answer')
  }

  /** Cuts the connection when the next statement that contains the text comes, so that it is not carried out. */
  loseRequest(text: string): Promise<void> {
    return this.#arm(text, 'request')
  }

  /** Cuts all connections and takes no new ones: the database is away. */
  refuse(): void {
    this.#isRefusing = true
    for (const socket of this.#sockets) socket.destroy()
  }

  /** Takes connections again. */
  resume(): void {
    this.#isRefusing = false
  }

  async close(): Promise<void> {
    this.refuse()
    this.#server.close()
    await rm(this.#directory, { recursive: true, force: true })
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }

  #arm(text: string, what: Cut['what']): Promise<void> {
    const done = Promise.withResolvers<void>()
    this.#cut = { text, what, done }
    return done.promise
  }

  #accept(near: Socket): void {
    if (this.#isRefusing) {
      near.destroy()
      return
    }
    const far = this.#target()
    let losing: Cut | undefined
    for (const [socket, other] of [
      [near, far],
      [far, near],
    ] as const) {
      this.#sockets.add(socket)
      socket.on('error', () => undefined)
      socket.on('close', () => {
        this.#sockets.delete(socket)
        other.destroy()
      })
    }
    near.on('data', (chunk) => {
      if (this.#cut && chunk.includes(this.#cut.text)) {
        losing = this.#cut
        this.#cut = undefined
      }
      if (losing?.what === 'request') finish(losing)
      else far.write(chunk)
    })
    far.on('data', (chunk) => {
      if (!losing) near.write(chunk)
      // Statements are committed before the server says that it is ready for another.
      else if (chunk.subarray(-readyForQuery.length).equals(readyForQuery)) finish(losing)
    })
    const finish = (cut: Cut): void => {
      near.destroy()
      far.destroy()
      cut.done.resolve()
    }
  }
}
