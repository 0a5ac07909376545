import type { IncomingMessage } from 'node:http'
import { isJsonObject, isServerName, parseJson, type JsonValue, type ServerName } from '@hearth/protocol'
import type { Clock } from '@hearth/runtime'
import { answerBody } from '../requests/answer-body.ts'
import { ConnectingAgent } from '../requests/connecting-agent.ts'
import type { Connector } from '../requests/connector.ts'
import { exchange } from '../requests/exchange.ts'
import { Phases } from '../requests/phases.ts'
import { InvalidAnswer } from '../server-unreachable.ts'
import { hostAndPort } from './host-and-port.ts'
import { wellKnownLifetime } from './well-known-lifetime.ts'

const HTTPS_PORT = 443
const MAX_REDIRECTS = 5
const limits = { connectMs: 5_000, firstByteMs: 5_000, idleMs: 5_000, totalMs: 10_000, maxBytes: 50 * 1024 }

const redirects: ReadonlySet<number> = new Set([301, 302, 303, 307, 308])

/** What a host's well-known file says. */
export interface WellKnown {
  readonly delegatedTo: ServerName
  /** For how many milliseconds it may be remembered. */
  readonly lifetimeMs: number
}

/** Reads `/.well-known/matrix/server`. {@link https://spec.matrix.org/v1.19/server-server-api/#getwell-knownmatrixserver} */
export class WellKnownFetcher {
  readonly #connector: Connector
  readonly #clock: Clock

  constructor({ connector, clock }: { connector: Connector; clock: Clock }) {
    this.#connector = connector
    this.#clock = clock
  }

  /**
   * Asks a host, for 10 s at most.
   * @throws InvalidAnswer when there is no such file, or none that names a server; another error when that is not known
   */
  async fetch(host: string): Promise<WellKnown> {
    using phases = new Phases({ clock: this.#clock, totalMs: limits.totalMs })
    let url = new URL(`https://${host}/.well-known/matrix/server`)
    for (let hops = 0; ; hops++) {
      const response = await this.#get(url, phases)
      const status = response.statusCode!
      if (status === 200) return await this.#read(response, phases)
      response.destroy()
      // What a busy server says now, it may not mean.
      if (status >= 500 || status === 429) throw new Error(`the well-known file is not to be had: ${status}`)
      if (!redirects.has(status)) throw new InvalidAnswer(`the well-known file has status ${status}`)
      if (hops === MAX_REDIRECTS) throw new InvalidAnswer('the well-known file is redirected too often')
      url = redirectedTo(url, response.headers.location)
    }
  }

  #get(url: URL, phases: Phases): Promise<IncomingMessage> {
    const host = url.hostname.replace(/^\[|\]$/g, '')
    const port = url.port === '' ? HTTPS_PORT : Number(url.port)
    const route = { host, port, hostHeader: url.host, certificateName: host }
    const agent = new ConnectingAgent(() => this.#connector.connect(route, limits.connectMs), { keepAlive: false })
    const headers = { accept: 'application/json', 'user-agent': 'Hearth' }
    const request = { method: 'GET', target: url.pathname + url.search, headers, body: undefined }
    return exchange(route, request, { agent, phases, limits })
  }

  async #read(response: IncomingMessage, phases: Phases): Promise<WellKnown> {
    const { idleMs, maxBytes } = limits
    const parts: Buffer[] = []
    for await (const part of answerBody(response, { phases, idleMs, maxBytes, clock: this.#clock })) parts.push(part)
    const answer = parsed(Buffer.concat(parts))
    const delegatedTo = isJsonObject(answer) ? answer['m.server'] : undefined
    if (typeof delegatedTo !== 'string' || !isServerName(delegatedTo) || hostAndPort(delegatedTo).port === 0) {
      throw new InvalidAnswer('the well-known file names no server')
    }
    return { delegatedTo, lifetimeMs: wellKnownLifetime(response.headers, this.#clock.now()) }
  }
}

function parsed(bytes: Buffer): JsonValue {
  try {
    return parseJson(bytes)
  } catch (error) {
    throw new InvalidAnswer('the well-known file is not JSON', { cause: error })
  }
}

function redirectedTo(from: URL, location: string | undefined): URL {
  const url = location === undefined ? null : URL.parse(location, from.href)
  if (url === null) throw new InvalidAnswer('the well-known file is redirected to no URL')
  if (url.protocol !== 'https:') throw new InvalidAnswer('the well-known file is redirected to an insecure place')
  if (url.username !== '' || url.password !== '')
    throw new InvalidAnswer('the well-known file is redirected with a password')
  return url
}
