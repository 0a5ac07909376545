import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { createConnection } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { freePort } from './free-port.ts'

const readyLimitMs = 30_000

/** A redis-server of a test's own, which keeps nothing, and can be killed, stopped, emptied and started again. */
export class RedisServer {
  readonly port: number
  #child: ChildProcess | undefined

  private constructor(port: number) {
    this.port = port
  }

  static async start(): Promise<RedisServer> {
    const server = new RedisServer(await freePort())
    await server.launch()
    return server
  }

  get url(): string {
    return `redis://127.0.0.1:${this.port}`
  }

  /** Starts it, empty, where it was before. */
  async launch(): Promise<void> {
    const words = ['--port', String(this.port), '--bind', '127.0.0.1', '--save', '', '--appendonly', 'no']
    const child = spawn('redis-server', [...words, '--maxmemory-policy', 'noeviction'], { stdio: 'ignore' })
    child.on('error', () => undefined)
    this.#child = child
    const limit = AbortSignal.timeout(readyLimitMs)
    while (!(await this.#says('PING\r\n').catch(() => '')).includes('PONG')) {
      if (child.exitCode !== null || limit.aborted) throw new Error('redis-server did not start')
      await sleep(10)
    }
  }

  /** Sends a command that takes no arguments with spaces, such as `FLUSHALL`; gives the answer as it comes. */
  command(words: string): Promise<string> {
    return this.#says(`${words}\r\n`)
  }

  /** Forgets everything, as an administrator may have it do. */
  async flush(): Promise<void> {
    await this.command('FLUSHALL')
  }

  /** Ends it at once. */
  async kill(): Promise<void> {
    const child = this.#child
    this.#child = undefined
    if (!child || child.exitCode !== null) return
    const exited = once(child, 'exit')
    child.kill('SIGKILL')
    await exited
  }

  /** Has it answer nothing until `resume`; its connections stand. */
  pause(): void {
    this.#child?.kill('SIGSTOP')
  }

  resume(): void {
    this.#child?.kill('SIGCONT')
  }

  async stop(): Promise<void> {
    await this.kill()
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.stop()
  }

  #says(text: string): Promise<string> {
    return new Promise((resolve, reject) => {
      const socket = createConnection({ port: this.port, host: '127.0.0.1' }, () => socket.write(text))
      socket.setTimeout(2_000, () => socket.destroy(new Error('redis-server does not answer')))
      socket.on('data', (data) => {
        socket.destroy()
        resolve(data.toString())
      })
      socket.on('error', reject)
    })
  }
}
