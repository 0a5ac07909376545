import { connect, type Socket } from 'node:net'
import { once } from 'node:events'

export interface RawResponse {
  readonly status: number
  readonly head: string
  readonly body: string
}

/** A TCP connection on which a test says exactly what it wants. */
export class RawConnection {
  readonly socket: Socket
  #received = Buffer.alloc(0)
  #closed = false

  private constructor(socket: Socket) {
    this.socket = socket
    socket.on('data', (chunk: Buffer) => (this.#received = Buffer.concat([this.#received, chunk])))
    socket.on('close', () => (this.#closed = true))
    socket.on('error', () => {})
  }

  static async open(port: number): Promise<RawConnection> {
    const socket = connect({ port, host: '127.0.0.1', noDelay: true })
    await once(socket, 'connect')
    return new RawConnection(socket)
  }

  send(bytes: string | Buffer): void {
    this.socket.write(bytes)
  }

  get closed(): boolean {
    return this.#closed
  }

  /** Waits for the server to close the connection. */
  async closing(): Promise<void> {
    while (!this.#closed) await tick()
  }

  /** Waits for the next response with a Content-Length, or an empty one. */
  async response(): Promise<RawResponse> {
    for (;;) {
      const response = this.#take()
      if (response !== undefined) return response
      if (this.#closed) throw new Error(`closed after ${JSON.stringify(this.#received.toString())}`)
      await tick()
    }
  }

  #take(): RawResponse | undefined {
    const end = this.#received.indexOf('\r\n\r\n')
    if (end === -1) return undefined
    const head = this.#received.subarray(0, end).toString()
    const length = Number(/^content-length: (\d+)$/im.exec(head)?.[1] ?? 0)
    if (this.#received.length < end + 4 + length) return undefined
    const body = this.#received.subarray(end + 4, end + 4 + length).toString()
    this.#received = this.#received.subarray(end + 4 + length)
    return { status: Number(head.slice(9, 12)), head, body }
  }
}

function tick(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, 2))
}

/** Opens a connection, sends one request, and returns its response. */
export async function sendRaw(port: number, bytes: string | Buffer): Promise<RawResponse> {
  const connection = await RawConnection.open(port)
  connection.send(bytes)
  try {
    return await connection.response()
  } finally {
    connection.socket.destroy()
  }
}
