import { write, writeSync } from 'node:fs'

/** Where finished log lines go. */
export interface LineSink {
  write(line: string): void
  /** Writes what is held back at once, waiting for the reader if need be: before the process ends. */
  flush(): void
}

const DROP_AT_CHARS = 4 * 1024 * 1024
const GATHER_MS = 10
const RETRY_MS = 20

/**
 * Lines to a file descriptor, one write at a time for all lines of some milliseconds: a write is a system call, and a
 * busy server logs thousands of lines a second. It waits off the event loop, so a reader that stands still does not stop
 * the server; lines that it leaves no room for are dropped and counted.
 */
export class DescriptorSink implements LineSink {
  readonly #descriptor: number
  #held: string[] = []
  #heldChars = 0
  #dropped = 0
  #writing = false

  constructor(descriptor: number) {
    this.#descriptor = descriptor
  }

  write(line: string): void {
    if (this.#heldChars > DROP_AT_CHARS) {
      this.#dropped++
      return
    }
    this.#held.push(line)
    this.#heldChars += line.length
    if (this.#writing) return
    this.#writing = true
    this.#writeSoon()
  }

  flush(): void {
    let rest = this.#take()
    try {
      while (rest.length > 0) rest = rest.subarray(writeSync(this.#descriptor, rest))
    } catch {
      // Whoever read the log has gone before us.
    }
  }

  #take(): Buffer {
    if (this.#dropped > 0) {
      this.#held.push(JSON.stringify({ level: 'warn', message: 'log lines were dropped', count: this.#dropped }))
      this.#dropped = 0
    }
    const lines = this.#held.length === 0 ? '' : this.#held.join('\n') + '\n'
    this.#held = []
    this.#heldChars = 0
    return Buffer.from(lines)
  }

  #writeSoon(): void {
    setTimeout(() => {
      const lines = this.#take()
      if (lines.length > 0) this.#writeBytes(lines)
      else this.#writing = false
    }, GATHER_MS)
  }

  #writeBytes(bytes: Buffer): void {
    write(this.#descriptor, bytes, (error, written) => {
      // A reader that has gone, or a full disk, must not take the server down with it; one that is slow gets time.
      if (error?.code === 'EAGAIN') setTimeout(() => this.#writeBytes(bytes), RETRY_MS).unref()
      else if (error === null && written < bytes.length) this.#writeBytes(bytes.subarray(written))
      else if (this.#held.length > 0) this.#writeSoon()
      else this.#writing = false
    })
  }
}
