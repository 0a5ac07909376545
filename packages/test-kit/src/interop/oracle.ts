/** Asks `interop/oracle.py` what the reference implementation says. */
import { spawn } from 'node:child_process'
import type { ChildProcessByStdio } from 'node:child_process'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import type { Readable, Writable } from 'node:stream'

import { interopPrograms, pythonEnvironment } from './python-environment.ts'

/** What the reference made of one case: a value, or the exception that it refused the case with. */
export type OracleAnswer<T> =
  | { readonly value: T; readonly error?: undefined }
  | { readonly error: string; readonly message: string; readonly value?: undefined }

interface Pending {
  readonly resolve: (answers: OracleAnswer<never>[]) => void
  readonly reject: (error: Error) => void
}

/** One oracle process. It answers in the order asked; use one for each thread of questions that should run at once. */
export class Oracle implements AsyncDisposable {
  readonly #child: ChildProcessByStdio<Writable, Readable, null>
  readonly #pending: Pending[] = []
  readonly #closed: Promise<void>

  private constructor(child: ChildProcessByStdio<Writable, Readable, null>) {
    this.#child = child
    createInterface({ input: child.stdout }).on('line', (line) => {
      this.#pending.shift()?.resolve((JSON.parse(line) as { answers: OracleAnswer<never>[] }).answers)
    })
    this.#closed = new Promise((resolve) => {
      child.on('close', (code, signal) => {
        const gone = new Error(`the oracle ended with ${code ?? signal}`)
        for (const { reject } of this.#pending.splice(0)) reject(gone)
        resolve()
      })
    })
  }

  /** Starts the process, after installing the Python environment when that has not been done. */
  static async start(): Promise<Oracle> {
    const python = await pythonEnvironment()
    return new Oracle(spawn(python, [join(interopPrograms, 'oracle.py')], { stdio: ['pipe', 'pipe', 'inherit'] }))
  }

  /**
   * Asks about many cases in one line; operations and the fields of their cases are those of `interop/oracle.py`.
   *
   * @returns an answer for each case, in order
   */
  ask<T>(operation: string, cases: readonly object[]): Promise<OracleAnswer<T>[]> {
    return new Promise((resolve, reject) => {
      this.#pending.push({ resolve, reject })
      this.#child.stdin.write(`${JSON.stringify({ op: operation, cases })}\n`)
    })
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#child.stdin.end()
    await this.#closed
  }
}
