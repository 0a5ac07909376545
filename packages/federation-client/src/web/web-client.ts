import type { IncomingMessage } from 'node:http'
import type { JsonObject } from '@hearth/protocol'
import type { Clock } from '@hearth/runtime'
import { AddressRefused } from '../network/address-refused.ts'
import type { Network } from '../network/network.ts'
import { isInOwnNetwork } from '../network/own-network.ts'
import { AbortListeners } from '../requests/abort-listeners.ts'
import { ConnectingAgent } from '../requests/connecting-agent.ts'
import { Connector } from '../requests/connector.ts'
import { exchange, NotConnected } from '../requests/exchange.ts'
import { Phases } from '../requests/phases.ts'
import { InvalidAnswer } from '../server-unreachable.ts'
import { checkWebAddress, portOf } from './web-address.ts'
import { WebAnswer } from './web-answer.ts'

const redirects: ReadonlySet<number> = new Set([301, 302, 303, 307, 308])

/** Names no version: whoever is asked need not know which bugs to try. */
const USER_AGENT = 'Mozilla/5.0 (compatible; Hearth)'

export interface WebClientDeps {
  readonly network: Network
  /** Certificate authorities in PEM to trust beside the usual ones. */
  readonly trustedAuthorities?: readonly string[]
  /** Lets requests reach loopback and private addresses, and other machines of this one's own network. */
  readonly allowPrivateAddresses: boolean
  readonly clock: Clock
}

/** Limits of a request, in milliseconds. All hops together may take `totalMs`, and the rest is for each. */
export interface WebLimits {
  readonly connectMs: number
  readonly firstByteMs: number
  readonly idleMs: number
  readonly totalMs: number
}

export interface WebRequest {
  /** The value of the Accept header. */
  readonly accept: string
  readonly limits: WebLimits
  /** The longest body that is read, in bytes, decompressed. */
  readonly maxBytes: number
  readonly maxRedirects: number
  readonly httpsOnly?: boolean
  /** Asked for the URL and for each that it is redirected to. All are allowed when absent. */
  readonly mayFetch?: (url: URL) => boolean
  readonly signal?: AbortSignal
}

/** What one server is told, and nobody whom it redirects to: then there is no answer. */
export interface WebMessage extends Omit<WebRequest, 'maxRedirects'> {
  /** The token of the Authorization header. */
  readonly bearer?: string
  /** Sent as JSON with a POST; a GET when absent. */
  readonly json?: JsonObject
}

interface Sent {
  readonly headers: Readonly<Record<string, string>>
  readonly body: string | undefined
}

const nothing: Sent = { headers: {}, body: undefined }

/**
 * Fetches what is on the web at addresses that strangers name. Nothing is told but the address and what the caller says: no
 * cookies, no referrer. Every connection is a new one to an address that was checked, on every hop.
 */
export class WebClient {
  readonly #clock: Clock
  readonly #connector: Connector
  readonly #aborts = new AbortListeners()

  constructor({ network, trustedAuthorities = [], allowPrivateAddresses, clock }: WebClientDeps) {
    this.#clock = clock
    this.#connector = new Connector({
      network,
      trustedAuthorities,
      allowPrivateAddresses,
      mayReach: (address) => !isInOwnNetwork(address),
      clock,
    })
  }

  /**
   * Asks for a URL and follows redirects. Gives the first answer that is none, whatever its status.
   * @throws AddressRefused when it, or what it leads to, may not be fetched; InvalidAnswer for redirects that lead nowhere;
   *   the signal's reason; another error when no answer is to be had
   */
  get(url: URL, request: WebRequest): Promise<WebAnswer> {
    return this.#follow(url, request, nothing)
  }

  /** Tells the server of a URL something, and gives its answer, whatever its status. @throws as {@link get} */
  tell(url: URL, { bearer, json, ...request }: WebMessage): Promise<WebAnswer> {
    const headers = {
      ...(bearer !== undefined && { authorization: `Bearer ${bearer}` }),
      ...(json !== undefined && { 'content-type': 'application/json' }),
    }
    const body = json === undefined ? undefined : JSON.stringify(json)
    return this.#follow(url, { ...request, maxRedirects: 0 }, { headers, body })
  }

  async #follow(url: URL, request: WebRequest, sent: Sent): Promise<WebAnswer> {
    const { limits, maxBytes, maxRedirects, signal } = request
    const caller = signal && { signal, listeners: this.#aborts }
    const phases = new Phases({ clock: this.#clock, totalMs: limits.totalMs, ...(caller && { caller }) })
    try {
      let at = url
      for (let hops = 0; ; hops++) {
        const response = await this.#ask(at, request, sent, phases)
        if (!redirects.has(response.statusCode!)) {
          return new WebAnswer(at, response, { phases, idleMs: limits.idleMs, maxBytes, clock: this.#clock })
        }
        response.destroy()
        if (hops === maxRedirects) throw new InvalidAnswer('it is redirected too often')
        const next = URL.parse(response.headers.location ?? '', at.href)
        if (response.headers.location === undefined || next === null)
          throw new InvalidAnswer('it is redirected to no URL')
        at = next
      }
    } catch (error) {
      phases[Symbol.dispose]()
      throw error
    }
  }

  async #ask(url: URL, request: WebRequest, sent: Sent, phases: Phases): Promise<IncomingMessage> {
    const { accept, limits, httpsOnly = false, mayFetch = () => true } = request
    checkWebAddress(url, { httpsOnly })
    if (!mayFetch(url)) throw new AddressRefused('the address is on the deny list')
    const host = url.hostname.replace(/^\[|\]$/g, '')
    const route = { host, port: portOf(url), hostHeader: url.host, certificateName: host }
    const connect = () =>
      url.protocol === 'https:'
        ? this.#connector.connect(route, limits.connectMs)
        : this.#connector.connectPlainly(route, limits.connectMs)
    const agent = new ConnectingAgent(connect, { keepAlive: false })
    const headers = {
      accept,
      'accept-encoding': 'gzip, deflate',
      'accept-language': 'en, *;q=0.5',
      'user-agent': USER_AGENT,
      ...sent.headers,
      ...(sent.body !== undefined && { 'content-length': Buffer.byteLength(sent.body) }),
    }
    const method = sent.body === undefined ? 'GET' : 'POST'
    const message = { method, target: url.pathname + url.search, headers, body: sent.body }
    try {
      return await exchange(route, message, { agent, phases, limits })
    } catch (error) {
      throw error instanceof NotConnected && error.cause instanceof AddressRefused ? error.cause : error
    }
  }
}
