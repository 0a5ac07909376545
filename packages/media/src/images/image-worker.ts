import { spawn, type ChildProcessByStdio } from 'node:child_process'
import { once } from 'node:events'
import type { Readable, Writable } from 'node:stream'
import { fileURLToPath } from 'node:url'
import { READY, type ImageAnswer, type ImageFacts, type ImageRefusal, type ImageTask } from './image-task.ts'

const extension = import.meta.url.endsWith('.ts') ? 'ts' : 'js'
const program = fileURLToPath(new URL(`./image-process.${extension}`, import.meta.url))

/** Of JavaScript's objects, in MB: images are not among them. */
const HEAP_MB = 64
/** No core dumps, which would hold people's pictures; and a bound on memory, where the system knows one. */
const restrained = 'ulimit -c 0; ulimit -d "$0"; exec "$@"'

const MAX_TASKS = 200
const MAX_HEAD_BYTES = 1_000
const LAST_WORDS = 1_000
const NEWLINE = 10

/** A process has ended in the middle of a task. */
export class WorkerEnded extends Error {
  override readonly name = 'WorkerEnded'
}

/** One child process that decodes images, one at a time. It shares no memory, no files and no environment with the server. */
export class ImageWorker {
  readonly #child: ChildProcessByStdio<Writable, Readable, Readable>
  readonly #ended: Promise<never>
  readonly #answers: AsyncIterator<Buffer, undefined>
  #rest: Buffer = Buffer.alloc(0)
  #lastWords = ''
  #tasks = 0

  /** Starts it. `maxDataKilobytes` bounds the memory that it may write to, which for an idle process are 650,000. */
  constructor({ maxDataKilobytes }: { maxDataKilobytes: number }) {
    const node = [process.execPath, `--max-old-space-size=${HEAP_MB}`, program]
    const child = spawn('/bin/sh', ['-c', restrained, String(maxDataKilobytes), ...node], {
      env: {},
      stdio: ['pipe', 'pipe', 'pipe'],
    })
    this.#child = child
    // What it could not be told or asked shows in how it ends.
    child.stdin.on('error', () => undefined)
    child.stdout.on('error', () => undefined)
    child.stderr.on('error', () => undefined)
    child.stderr.on('data', (text: Buffer) => {
      this.#lastWords = (this.#lastWords + text.toString()).slice(-LAST_WORDS)
    })
    this.#answers = child.stdout.iterator() as AsyncIterator<Buffer, undefined>
    this.#ended = new Promise((_, reject) => {
      child.on('error', (error) => reject(new WorkerEnded('could not be started', { cause: error })))
      child.on('exit', (code, signal) => {
        reject(new WorkerEnded(`ended with ${signal ?? `status ${code}`} ${this.#lastWords}`.trimEnd()))
      })
    })
    this.#ended.catch(() => undefined)
  }

  /** Whether it can take another task: it lives, and has not done so many that its memory may be in pieces. */
  get isFit(): boolean {
    return this.#child.exitCode === null && this.#child.signalCode === null && this.#tasks < MAX_TASKS
  }

  /** Resolves when it takes tasks. @throws WorkerEnded */
  async ready(): Promise<void> {
    if ((await this.#line()) !== READY) throw new WorkerEnded('is not what it should be')
  }

  /**
   * Gives it an image and waits for the answer. After any error it is of no more use.
   * @throws WorkerEnded; what reading the image throws
   */
  async run(
    task: ImageTask,
    image: AsyncIterable<Uint8Array>,
    { maxBytes }: { maxBytes: number },
  ): Promise<{ facts: ImageFacts; data: Buffer } | ImageRefusal> {
    await this.#send(task, image)
    const answer = JSON.parse(await this.#line()) as ImageAnswer | ImageRefusal
    if ('refused' in answer) return answer
    const { bytes, ...facts } = answer
    if (!(bytes >= 0 && bytes <= maxBytes)) throw new WorkerEnded('made more than it should')
    return { facts, data: await this.#bytes(bytes) }
  }

  /** Ends it, whatever it does. */
  kill(): void {
    this.#child.kill('SIGKILL')
  }

  async #send(task: ImageTask, image: AsyncIterable<Uint8Array>): Promise<void> {
    const { stdin } = this.#child
    this.#tasks += 1
    stdin.write(`${JSON.stringify(task)}\n`)
    let sent = 0
    for await (const part of image) {
      sent += part.length
      if (sent > task.bytes) break
      if (!stdin.write(part)) await Promise.race([once(stdin, 'drain'), this.#ended])
    }
    if (sent !== task.bytes) throw new Error('the image is not as long as it was said to be')
  }

  async #line(): Promise<string> {
    let end: number
    while ((end = this.#rest.indexOf(NEWLINE)) === -1) {
      if (this.#rest.length > MAX_HEAD_BYTES) throw new WorkerEnded('says too much')
      this.#rest = Buffer.concat([this.#rest, await this.#next()])
    }
    return this.#take(end + 1).toString('utf8', 0, end)
  }

  async #bytes(length: number): Promise<Buffer> {
    const parts = [this.#rest]
    let received = this.#rest.length
    while (received < length) {
      const part = await this.#next()
      parts.push(part)
      received += part.length
    }
    this.#rest = Buffer.concat(parts)
    return this.#take(length)
  }

  #take(length: number): Buffer {
    const taken = this.#rest.subarray(0, length)
    this.#rest = this.#rest.subarray(length)
    return taken
  }

  async #next(): Promise<Buffer> {
    const { value } = await Promise.race([this.#answers.next(), this.#ended])
    return value ?? (await this.#ended)
  }
}
