import { readFileSync } from 'node:fs'
import { createServer as createHttpServer, type Server } from 'node:http'
import { createServer as createHttpsServer, type Server as HttpsServer } from 'node:https'
import type { AddressInfo, Socket } from 'node:net'
import { addressGroup, plainAddress, type TrustedProxies } from './client-address.ts'
import type { HttpLimits } from './limits.ts'
import type { LinkedExpress } from './linked-express.ts'

/** PEM files of an HTTPS listener. */
export interface TlsFiles {
  readonly certificate: string
  readonly privateKey: string
}

/** A URL that is listened on. */
export class Listener {
  readonly #url: URL
  readonly #tls: TlsFiles | undefined
  readonly #server: Server | HttpsServer
  #connections = 0

  constructor(deps: {
    url: URL
    tls: TlsFiles | undefined
    express: LinkedExpress
    limits: HttpLimits
    trustedProxies: TrustedProxies
    onClientError: (error: Error, socket: Socket) => void
  }) {
    this.#url = deps.url
    this.#tls = deps.url.protocol === 'https:' ? required(deps.tls, deps.url) : undefined
    this.#server = createServer(deps.express, deps.limits, this.#tls)
    this.#server.maxHeadersCount = deps.limits.maxHeaders + 1
    this.#server.maxConnections = deps.limits.maxConnections
    this.#server.on('clientError', deps.onClientError)
    // The body is asked for when somebody is going to read it, see readBody.
    this.#server.on('checkContinue', deps.express.listener)
    this.#server.on('connection', (socket: Socket) => {
      this.#connections++
      socket.once('close', () => this.#connections--)
    })
    boundConnections(this.#server, deps.limits.maxConnectionsPerAddress, deps.trustedProxies)
  }

  /** The URL that is listened on, with the port that the system chose when none was asked for. */
  get url(): string {
    const { port } = this.#server.address() as AddressInfo
    return `${this.#url.protocol}//${this.#url.hostname}:${port}`
  }

  start(): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#server.once('error', reject)
      const port = this.#url.port === '' ? (this.#tls === undefined ? 80 : 443) : Number(this.#url.port)
      const host = this.#url.hostname.replace(/^\[|\]$/g, '')
      this.#server.listen({ port, host, backlog: 4096 }, () => {
        this.#server.off('error', reject)
        resolve()
      })
    })
  }

  /** Takes no more connections and closes those without a request. */
  close(): void {
    this.#server.close()
  }

  /** Closes what is left. */
  destroyConnections(): void {
    this.#server.closeAllConnections()
  }

  /** Reads the certificate and key again. Connections that stand keep what they have. */
  reloadCertificate(): void {
    if (this.#tls !== undefined) (this.#server as HttpsServer).setSecureContext(readTls(this.#tls))
  }

  /** How many connections are open. */
  get connections(): number {
    return this.#connections
  }
}

function createServer({ classes, listener }: LinkedExpress, limits: HttpLimits, tls: TlsFiles | undefined): Server {
  const options = {
    ...classes,
    headersTimeout: limits.headersTimeoutMs,
    // The time for a whole request differs between endpoints: it is the exchange's deadline.
    requestTimeout: 0,
    keepAliveTimeout: limits.keepAliveTimeoutMs,
    connectionsCheckingInterval: Math.min(5_000, Math.ceil(limits.headersTimeoutMs / 3)),
    maxHeaderSize: limits.maxHeaderBytes,
    insecureHTTPParser: false,
    noDelay: true,
  }
  if (tls === undefined) return createHttpServer(options, listener)
  const secure = { ...options, ...readTls(tls), minVersion: 'TLSv1.2' as const, ALPNProtocols: ['http/1.1'] }
  return createHttpsServer(secure, listener)
}

function required(tls: TlsFiles | undefined, url: URL): TlsFiles {
  if (tls === undefined) throw new Error(`${url.origin} needs a certificate and a private key`)
  return tls
}

function readTls(tls: TlsFiles): { cert: Buffer; key: Buffer } {
  return { cert: readFileSync(tls.certificate), key: readFileSync(tls.privateKey) }
}

/** Lets no address that is not a proxy's have more than its share of the connections. */
function boundConnections(server: Server, maxPerAddress: number, trustedProxies: TrustedProxies): void {
  const counts = new Map<string, number>()
  server.on('connection', (socket: Socket) => {
    const address = plainAddress(socket.remoteAddress ?? '')
    if (address === '' || trustedProxies.has(address)) return
    const group = addressGroup(address)
    const count = (counts.get(group) ?? 0) + 1
    if (count > maxPerAddress) {
      socket.destroy()
      return
    }
    counts.set(group, count)
    socket.once('close', () => {
      const left = counts.get(group)! - 1
      if (left === 0) counts.delete(group)
      else counts.set(group, left)
    })
  })
}
