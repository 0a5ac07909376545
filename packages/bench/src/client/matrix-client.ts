import type { HttpClient } from './http-client.ts'

/** One logged-in device. */
export interface Session {
  readonly userId: string
  readonly token: string
}

/** An event as far as the benchmark looks at it. */
export interface SeenEvent {
  readonly event_id: string
  readonly type: string
  readonly content?: { readonly body?: string }
}

export interface SyncResponse {
  readonly next_batch: string
  readonly rooms?: {
    readonly join?: Readonly<
      Record<
        string,
        {
          readonly timeline: {
            readonly events: readonly SeenEvent[]
            readonly limited?: boolean
            readonly prev_batch?: string
          }
        }
      >
    >
  }
}

export interface DirectoryPage {
  readonly chunk: readonly { readonly room_id: string; readonly name?: string }[]
  readonly next_batch?: string
}

export interface SyncQuery {
  readonly since?: string
  readonly timeoutMs?: number
  readonly filter?: object
  readonly signal?: AbortSignal
  readonly onSent?: () => void
}

/** A server may let its clients wait for some minutes while it joins a large room. */
const maxJoinAttempts = 10

/** An answer that a benchmark cannot go on from. */
export class UnexpectedAnswer extends Error {
  readonly status: number

  constructor(method: string, path: string, status: number, body: unknown) {
    const hint = status === 429 ? ' (rate limits must be off for a benchmark)' : ''
    super(`${method} ${path} answered ${status} ${JSON.stringify(body).slice(0, 200)}${hint}`)
    this.name = 'UnexpectedAnswer'
    this.status = status
  }
}

/** The requests of one device, by the client-server API that every server has. */
export class MatrixClient {
  readonly #http: HttpClient
  readonly session: Session
  #transaction = 0
  readonly #transactionPrefix = Math.random().toString(36).slice(2)

  constructor(http: HttpClient, session: Session) {
    this.#http = http
    this.session = session
  }

  async createRoom(body: object = {}): Promise<string> {
    const content = { preset: 'public_chat', ...body }
    return (await this.#call<{ room_id: string }>('POST', '/_matrix/client/v3/createRoom', content)).room_id
  }

  async join(roomId: string): Promise<void> {
    await this.#call('POST', `/_matrix/client/v3/rooms/${encodeURIComponent(roomId)}/join`, {})
  }

  /** Joins a room through another server. Asks again as long as the server says that it is not done yet. */
  async joinThrough(server: string, roomId: string): Promise<void> {
    const query = new URLSearchParams({ server_name: server, via: server })
    const path = `/_matrix/client/v3/join/${encodeURIComponent(roomId)}?${query.toString()}`
    for (let attempts = 0; ; attempts++) {
      try {
        await this.#call('POST', path, {})
        return
      } catch (error) {
        if (!(error instanceof UnexpectedAnswer && error.status === 504) || attempts === maxJoinAttempts) throw error
      }
    }
  }

  async invite(roomId: string, userId: string): Promise<void> {
    await this.#call('POST', `/_matrix/client/v3/rooms/${encodeURIComponent(roomId)}/invite`, { user_id: userId })
  }

  /** A page of the public directory. */
  publicRooms(query: { limit: number; since?: string | undefined; term?: string }): Promise<DirectoryPage> {
    const { limit, since, term } = query
    const filter = term === undefined ? {} : { filter: { generic_search_term: term } }
    return this.#call('POST', '/_matrix/client/v3/publicRooms', { limit, ...(since && { since }), ...filter })
  }

  /** Sends a text message. @returns its event id, once the server has acknowledged it */
  async send(roomId: string, body: string): Promise<string> {
    const transaction = `${this.#transactionPrefix}${++this.#transaction}`
    const path = `/_matrix/client/v3/rooms/${encodeURIComponent(roomId)}/send/m.room.message/${transaction}`
    return (await this.#call<{ event_id: string }>('PUT', path, { msgtype: 'm.text', body })).event_id
  }

  sync({ since, timeoutMs = 0, filter, signal, onSent }: SyncQuery): Promise<SyncResponse> {
    // Presence is left out: not every server has it, and it wakes everybody for reasons of its own.
    const query = new URLSearchParams({ timeout: String(timeoutMs), set_presence: 'offline' })
    if (since !== undefined) query.set('since', since)
    query.set('filter', JSON.stringify({ presence: { not_types: ['*'] }, ...filter }))
    return this.#call('GET', `/_matrix/client/v3/sync?${query.toString()}`, undefined, {
      ...(signal && { signal }),
      ...(onSent && { onSent }),
    })
  }

  /** One page of a room's history, newest first. */
  async messagesBefore(
    roomId: string,
    from: string | undefined,
    limit: number,
  ): Promise<{ chunk: SeenEvent[]; end?: string }> {
    const query = new URLSearchParams({ dir: 'b', limit: String(limit), ...(from !== undefined && { from }) })
    return this.#call('GET', `/_matrix/client/v3/rooms/${encodeURIComponent(roomId)}/messages?${query.toString()}`)
  }

  /** @returns how many membership events the room has */
  async countMembers(roomId: string): Promise<number> {
    const path = `/_matrix/client/v3/rooms/${encodeURIComponent(roomId)}/members`
    return (await this.#call<{ chunk: unknown[] }>('GET', path)).chunk.length
  }

  async #call<T>(
    method: 'GET' | 'PUT' | 'POST',
    path: string,
    body?: object,
    options: { signal?: AbortSignal; onSent?: () => void } = {},
  ): Promise<T> {
    const answer = await this.#http.send<T>({
      method,
      path,
      ...(body && { body }),
      token: this.session.token,
      ...options,
    })
    if (answer.status !== 200) throw new UnexpectedAnswer(method, path, answer.status, answer.body)
    return answer.body
  }
}
