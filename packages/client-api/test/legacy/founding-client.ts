import { createHmac } from 'node:crypto'
import { UnexpectedAnswer, type RequestOptions, type TestAnswer, type TestServer } from '@hearth/test-kit'
import type { JsonObject } from '@hearth/protocol'

/** An event in the form of 2014. */
export interface FoundingEvent extends JsonObject {
  type: string
  event_id: string
  room_id: string
  user_id: string
  content: JsonObject
  state_key?: string
}

export interface FoundingChunk {
  readonly start: string
  readonly end: string
  readonly chunk: FoundingEvent[]
}

/** A client of 2014: it knows the founding API only, and its access token is a parameter of the query. */
export class FoundingClient {
  readonly userId: string
  readonly accessToken: string
  readonly #server: TestServer

  private constructor(server: TestServer, userId: string, accessToken: string) {
    this.#server = server
    this.userId = userId
    this.accessToken = accessToken
  }

  static async register(server: TestServer, user: string): Promise<FoundingClient> {
    const body = { type: 'm.login.password', user, password: `${user}'s password` }
    const account = await server.anonymous.expect('POST', '/_matrix/client/api/v1/register', { body })
    return new FoundingClient(server, account['user_id'] as string, account['access_token'] as string)
  }

  /** Registers an administrator of the server. */
  static async registerAdmin(server: TestServer, username: string): Promise<FoundingClient> {
    const path = '/_synapse/admin/v1/register'
    const nonce = (await server.anonymous.get(path))['nonce'] as string
    const mac = createHmac('sha1', 'shared secret of tests').update([nonce, username, 'pw', 'admin'].join('\0'))
    const body = { nonce, username, password: 'pw', admin: true, mac: mac.digest('hex') }
    const account = await server.anonymous.post(path, body)
    return new FoundingClient(server, account['user_id'] as string, account['access_token'] as string)
  }

  /** Any request to a path below `/_matrix/client/api/v1/`. */
  request(method: string, path: string, options: RequestOptions = {}): Promise<TestAnswer> {
    return this.#server.anonymous.request(method, `/_matrix/client/api/v1/${path}`, {
      ...options,
      query: { access_token: this.accessToken, ...options.query },
    })
  }

  /** The status of an answer, where nothing else is of interest. */
  async status(method: string, path: string, body?: unknown): Promise<number> {
    return (await this.request(method, path, body === undefined ? {} : { body })).status
  }

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

  async createRoom(options: JsonObject = {}): Promise<string> {
    return (await this.post('createRoom', options))['room_id'] as string
  }

  async join(roomId: string): Promise<void> {
    await this.post(roomPath(roomId, 'join'))
  }

  async sendText(roomId: string, body: string): Promise<string> {
    const sent = await this.post(roomPath(roomId, 'send', 'm.room.message'), { msgtype: 'm.text', body })
    return sent['event_id'] as string
  }

  /** The content of a key of a room's state. */
  state(roomId: string, type: string, stateKey?: string): Promise<JsonObject> {
    return this.get(statePath(roomId, type, stateKey))
  }

  /** Sets a key of a room's state, whatever comes of it. */
  setState(roomId: string, type: string, content: JsonObject, stateKey?: string): Promise<TestAnswer> {
    return this.request('PUT', statePath(roomId, type, stateKey), { body: content })
  }

  /** All state events of a room. */
  async allState(roomId: string): Promise<FoundingEvent[]> {
    return (await this.get(roomPath(roomId, 'state')))['list'] as unknown as FoundingEvent[]
  }

  async stateEvent(roomId: string, type: string, stateKey = ''): Promise<FoundingEvent | undefined> {
    return (await this.allState(roomId)).find((event) => event.type === type && event.state_key === stateKey)
  }

  async messages(roomId: string, query: RequestOptions['query'] = {}): Promise<FoundingChunk> {
    return (await this.get(roomPath(roomId, 'messages'), query)) as unknown as FoundingChunk
  }

  /** A page of the event stream, without presence: that has tests of its own. */
  async events(query: RequestOptions['query'] = {}): Promise<FoundingChunk> {
    const page = (await this.get('events', { timeout: 0, limit: 100, ...query })) as unknown as FoundingChunk
    return { ...page, chunk: page.chunk.filter(({ type }) => type !== 'm.presence') }
  }

  /** A token of the present. */
  async now(): Promise<string> {
    return (await this.get('initialSync', { limit: 0 }))['end'] as string
  }
}

/** The path of something in a room, its parts encoded. */
export function roomPath(roomId: string, ...parts: readonly string[]): string {
  return ['rooms', roomId, ...parts].map(encodeURIComponent).join('/')
}

export function statePath(roomId: string, type: string, stateKey?: string): string {
  return roomPath(roomId, 'state', type, ...(stateKey === undefined ? [] : [stateKey]))
}
