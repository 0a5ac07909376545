import { spawn } from 'node:child_process'
import type { ChildProcess } from 'node:child_process'
import { open, readFile } from 'node:fs/promises'
import { setTimeout as sleep } from 'node:timers/promises'

const stopLimitMs = 15_000
/** Of the output of a server that did not come up. */
const shownLines = 12

/** A server process whose output goes to a file. */
export class ChildServer {
  readonly #child: ChildProcess
  readonly #outputFile: string

  private constructor(child: ChildProcess, outputFile: string) {
    this.#child = child
    this.#outputFile = outputFile
  }

  static async spawn(
    command: string,
    args: readonly string[],
    options: { readonly outputFile: string; readonly environment?: Readonly<Record<string, string>> },
  ): Promise<ChildServer> {
    const output = await open(options.outputFile, 'w')
    const child = spawn(command, args, {
      stdio: ['ignore', output.fd, output.fd],
      env: { ...process.env, ...options.environment },
    })
    child.on('error', () => {}) // an unknown command shows as a child without a process id
    await output.close()
    return new ChildServer(child, options.outputFile)
  }

  get pid(): number {
    return this.#child.pid ?? 0
  }

  get hasEnded(): boolean {
    return this.#child.pid === undefined || this.#child.exitCode !== null || this.#child.signalCode !== null
  }

  output(): Promise<string> {
    return readFile(this.#outputFile, 'utf8')
  }

  /** Asks every 5 ms. @throws Error with the end of its output when the process ends or the time is over */
  async until<T>(ready: () => Promise<T | undefined>, limitMs: number): Promise<T> {
    const deadline = performance.now() + limitMs
    while (!this.hasEnded && performance.now() < deadline) {
      const value = await ready()
      if (value !== undefined) return value
      await sleep(5)
    }
    const fate = this.hasEnded ? 'ended' : `did not serve within ${limitMs / 1000} s`
    await this.stop()
    const end = (await this.output()).trim().split('\n').slice(-shownLines).join('\n')
    throw new Error(`${this.#child.spawnfile} ${fate}:\n${end}`)
  }

  /** SIGTERM, and SIGKILL when that is not enough. */
  async stop(): Promise<void> {
    if (this.hasEnded) return
    const exited = new Promise((resolve) => this.#child.once('exit', resolve))
    this.#child.kill('SIGTERM')
    const force = setTimeout(() => this.#child.kill('SIGKILL'), stopLimitMs)
    await exited
    clearTimeout(force)
  }
}
