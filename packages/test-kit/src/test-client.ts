import { isJsonObject, type JsonObject } from '@hearth/protocol'

export interface TestAnswer {
  readonly status: number
  /** The body as JSON; an empty object when it is not JSON. */
  readonly body: JsonObject
  readonly text: string
  readonly headers: Headers
}

export interface RequestOptions {
  readonly body?: unknown
  readonly query?: Readonly<Record<string, string | number | boolean | undefined>>
  readonly headers?: Readonly<Record<string, string>>
  readonly signal?: AbortSignal
}

/** An answer that was to be a success and was none. */
export class UnexpectedAnswer extends Error {
  override readonly name = 'UnexpectedAnswer'
  readonly answer: TestAnswer

  constructor(request: string, answer: TestAnswer) {
    super(`${request}: ${answer.status} ${answer.text}`)
    this.answer = answer
  }
}

interface Credentials {
  readonly userId: string
  readonly deviceId: string
  readonly accessToken: string
}

const v3 = '/_matrix/client/v3'
let transactions = 0

/** A Matrix client for tests: one device of one user, or nobody. */
export class TestClient {
  readonly #baseUrl: () => string
  readonly #credentials: Credentials | undefined

  constructor(deps: { baseUrl: () => string; credentials?: Credentials }) {
    this.#baseUrl = deps.baseUrl
    this.#credentials = deps.credentials
  }

  get userId(): string {
    return this.#loggedIn.userId
  }

  get deviceId(): string {
    return this.#loggedIn.deviceId
  }

  get accessToken(): string {
    return this.#loggedIn.accessToken
  }

  get #loggedIn(): Credentials {
    if (!this.#credentials) throw new Error('this client is not logged in')
    return this.#credentials
  }

  /** Any request. Paths that do not begin with a slash are below `/_matrix/client/v3/`. */
  async request(method: string, path: string, options: RequestOptions = {}): Promise<TestAnswer> {
    const url = new URL(path.startsWith('/') ? path : `${v3}/${path}`, this.#baseUrl())
    for (const [key, value] of Object.entries(options.query ?? {})) {
      if (value !== undefined) url.searchParams.set(key, String(value))
    }
    const response = await fetch(url, {
      method,
      headers: {
        ...(options.body !== undefined && { 'content-type': 'application/json' }),
        ...(this.#credentials && { authorization: `Bearer ${this.#credentials.accessToken}` }),
        ...options.headers,
      },
      ...(options.body !== undefined && {
        body: typeof options.body === 'string' ? options.body : JSON.stringify(options.body),
      }),
      ...(options.signal && { signal: options.signal }),
    })
    const text = await response.text()
    return { status: response.status, body: parsed(text), text, headers: response.headers }
  }

  /** A request that must succeed; gives the body. */
  async expect(method: string, path: string, options: RequestOptions = {}): Promise<JsonObject> {
    const answer = await this.request(method, path, options)
    if (answer.status !== 200) throw new UnexpectedAnswer(`${method} ${path}`, answer)
    return answer.body
  }

  get(path: string, query?: RequestOptions['query']): Promise<JsonObject> {
    return this.expect('GET', path, query ? { query } : {})
  }

  post(path: string, body: unknown = {}): Promise<JsonObject> {
    return this.expect('POST', path, { body })
  }

  put(path: string, body: unknown = {}): Promise<JsonObject> {
    return this.expect('PUT', path, { body })
  }

  async register(username: string, password: string): Promise<TestClient> {
    const auth = { type: 'm.login.dummy' }
    return this.#as(await this.post('register', { username, password, auth }))
  }

  /** The same device, talking to another process of its server. */
  at(url: string): TestClient {
    return this.following(() => url)
  }

  /** The same device, talking to a process that may move. */
  following(baseUrl: () => string): TestClient {
    return new TestClient({ baseUrl, credentials: this.#loggedIn })
  }

  /** Logs in as another device. */
  async logIn(user: string, password: string, extra: JsonObject = {}): Promise<TestClient> {
    const identifier = { type: 'm.id.user', user }
    return this.#as(await this.post('login', { type: 'm.login.password', identifier, password, ...extra }))
  }

  #as(body: JsonObject): TestClient {
    const { user_id: userId, device_id: deviceId, access_token: accessToken } = body as Record<string, string>
    const credentials = { userId: userId!, deviceId: deviceId!, accessToken: accessToken! }
    return new TestClient({ baseUrl: this.#baseUrl, credentials })
  }

  async createRoom(options: JsonObject = {}): Promise<string> {
    return (await this.post('createRoom', options))['room_id'] as string
  }

  async join(roomId: string): Promise<void> {
    await this.post(`join/${encodeURIComponent(roomId)}`)
  }

  async invite(roomId: string, userId: string): Promise<void> {
    await this.post(`rooms/${encodeURIComponent(roomId)}/invite`, { user_id: userId })
  }

  async leave(roomId: string): Promise<void> {
    await this.post(`rooms/${encodeURIComponent(roomId)}/leave`)
  }

  /** Sends an event and gives its id. */
  async send(roomId: string, type: string, content: JsonObject, txnId = `t${(transactions += 1)}`): Promise<string> {
    const path = `rooms/${encodeURIComponent(roomId)}/send/${encodeURIComponent(type)}/${encodeURIComponent(txnId)}`
    return (await this.put(path, content))['event_id'] as string
  }

  sendText(roomId: string, body: string): Promise<string> {
    return this.send(roomId, 'm.room.message', { msgtype: 'm.text', body })
  }

  /** Sets state and gives the event's id. */
  async setState(roomId: string, type: string, content: JsonObject, stateKey = ''): Promise<string> {
    const path = `rooms/${encodeURIComponent(roomId)}/state/${encodeURIComponent(type)}/${encodeURIComponent(stateKey)}`
    return (await this.put(path, content))['event_id'] as string
  }

  /** One `/sync`, which does not make its user seem to be there unless it says so. */
  sync(query: Readonly<Record<string, string | number | boolean | undefined>> = {}): Promise<SyncAnswer> {
    return this.get('sync', { set_presence: 'offline', ...query }) as unknown as Promise<SyncAnswer>
  }
}

export interface SyncedEvent extends JsonObject {
  type: string
  sender: string
  event_id: string
  content: JsonObject
  state_key?: string
  unsigned?: JsonObject
}

export interface SyncedRoom {
  readonly timeline: { readonly events: SyncedEvent[]; readonly limited: boolean; readonly prev_batch: string }
  readonly state?: { readonly events: SyncedEvent[] }
  readonly state_after?: { readonly events: SyncedEvent[] }
  readonly summary?: JsonObject
  readonly account_data?: { readonly events: { type: string; content: JsonObject }[] }
  readonly ephemeral?: { readonly events: { type: string; content: JsonObject }[] }
  readonly unread_notifications?: UnreadNotifications
  readonly unread_thread_notifications?: Readonly<Record<string, UnreadNotifications>>
}

export interface UnreadNotifications {
  readonly notification_count: number
  readonly highlight_count: number
}

/** What tests look at in an answer of `/sync`. */
export interface SyncAnswer {
  readonly next_batch: string
  readonly account_data?: { readonly events: { type: string; content: JsonObject }[] }
  readonly presence?: { readonly events: { type: string; sender: string; content: JsonObject }[] }
  readonly to_device?: { readonly events: { type: string; sender: string; content: JsonObject }[] }
  readonly rooms?: {
    readonly join?: Readonly<Record<string, SyncedRoom>>
    readonly leave?: Readonly<Record<string, SyncedRoom>>
    readonly knock?: Readonly<Record<string, { readonly knock_state: { readonly events: SyncedEvent[] } }>>
    readonly invite?: Readonly<Record<string, { readonly invite_state: { readonly events: SyncedEvent[] } }>>
  }
}

function parsed(text: string): JsonObject {
  try {
    const value: unknown = JSON.parse(text)
    return isJsonObject(value) ? value : Array.isArray(value) ? { list: value as never } : {}
  } catch {
    return {}
  }
}
