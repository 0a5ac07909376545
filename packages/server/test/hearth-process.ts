import { spawn, type ChildProcessWithoutNullStreams } from 'node:child_process'
import { join } from 'node:path'

const script = join(import.meta.dirname, '../../../scripts/hearth')

/** `scripts/hearth` as somebody runs it, with what it prints. */
export class HearthProcess {
  readonly exited: Promise<{ readonly code: number | null; readonly signal: string | null }>
  readonly #child: ChildProcessWithoutNullStreams
  #out = ''
  #error = ''
  #onOutput = (): void => undefined

  constructor(words: readonly string[], settings: Readonly<Record<string, string>>) {
    this.#child = spawn(script, words, { env: { ...process.env, ...settings } })
    this.#child.stdin.end()
    this.exited = new Promise((resolve) => this.#child.on('close', (code, signal) => resolve({ code, signal })))
    this.#child.stdout.on('data', (chunk: Buffer) => {
      this.#out += chunk.toString()
      this.#onOutput()
    })
    this.#child.stderr.on('data', (chunk: Buffer) => (this.#error += chunk.toString()))
  }

  get pid(): number {
    return this.#child.pid!
  }

  /** The standard output so far. */
  get out(): string {
    return this.#out
  }

  /** The standard error so far. */
  get error(): string {
    return this.#error
  }

  /** The first match in the standard output, waited for until the process ends. */
  until(pattern: RegExp): Promise<RegExpExecArray> {
    return new Promise((resolve, reject) => {
      this.#onOutput = () => {
        const match = pattern.exec(this.#out)
        if (match) resolve(match)
      }
      this.#onOutput()
      void this.exited.then(({ code }) => reject(new Error(`ended with status ${code}: ${this.#error}${this.#out}`)))
    })
  }

  /** Sends a signal to this very process, and gives its end. */
  async end(signal: NodeJS.Signals): Promise<{ code: number | null; signal: string | null; tookMs: number }> {
    const start = performance.now()
    this.#child.kill(signal)
    return { ...(await this.exited), tookMs: performance.now() - start }
  }

  /** For the end of a test: nothing is left running. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#child.kill('SIGTERM')
    const force = setTimeout(() => this.#child.kill('SIGKILL'), 15_000)
    await this.exited
    clearTimeout(force)
  }
}
