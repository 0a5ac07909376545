import { isIP, type Socket } from 'node:net'
import { checkServerIdentity, connect, createSecureContext, getCACertificates, type TLSSocket } from 'node:tls'
import type { Clock } from '@hearth/runtime'
import type { Route } from '../discovery/route.ts'
import { allowedAddresses, type AddressRules } from '../network/allowed-addresses.ts'
import { DeadlineExceeded } from './deadline-exceeded.ts'
import { orAborted } from './or-aborted.ts'

export interface ConnectorDeps extends AddressRules {
  /** Certificate authorities in PEM to trust beside the usual ones. */
  readonly trustedAuthorities: readonly string[]
  readonly clock: Clock
}

/**
 * Opens connections, with TLS unless it is told otherwise. What is connected to is the very address that was checked, so that a name cannot answer with one
 * address for the check and with another for the connection.
 */
export class Connector {
  readonly #deps: ConnectorDeps
  readonly #secureContext

  constructor(deps: ConnectorDeps) {
    this.#deps = deps
    const { trustedAuthorities } = deps
    const further = trustedAuthorities.length > 0 && { ca: [...getCACertificates('default'), ...trustedAuthorities] }
    this.#secureContext = createSecureContext({ ...further, minVersion: 'TLSv1.2' })
  }

  /** Connects and checks the certificate. Rejects with why that did not work, at the latest after `limitMs`. */
  connect(route: Route, limitMs: number): Promise<TLSSocket> {
    return this.#withLimit(limitMs, async (signal) => this.#secure(await this.#open(route, signal), route, signal))
  }

  /** Connects without TLS, to what is public anyway. Rejects as `connect`. */
  connectPlainly(route: Pick<Route, 'host' | 'port'>, limitMs: number): Promise<Socket> {
    return this.#withLimit(limitMs, async (signal) => connected(await this.#open(route, signal), signal))
  }

  async #withLimit<T>(limitMs: number, connecting: (signal: AbortSignal) => Promise<T>): Promise<T> {
    const tooLate = new AbortController()
    const timer = this.#deps.clock.setTimer(limitMs, () => tooLate.abort(new DeadlineExceeded('connecting', limitMs)))
    try {
      return await connecting(tooLate.signal)
    } finally {
      timer.cancel()
    }
  }

  /** A connection on its way to one of the host's addresses that may be reached. */
  async #open({ host, port }: Pick<Route, 'host' | 'port'>, signal: AbortSignal): Promise<Socket> {
    const addresses = await orAborted(allowedAddresses(host, this.#deps), signal)
    return this.#deps.network.connect(addresses, port)
  }

  #secure(socket: Socket, { certificateName }: Route, signal: AbortSignal): Promise<TLSSocket> {
    return new Promise((resolve, reject) => {
      const secured = connect({
        socket,
        secureContext: this.#secureContext,
        ...(isIP(certificateName) === 0 && { servername: certificateName }),
        checkServerIdentity: (_host, certificate) => checkServerIdentity(certificateName, certificate),
        ALPNProtocols: ['http/1.1'],
      })
      const fail = (error: Error): void => {
        signal.removeEventListener('abort', onAbort)
        secured.destroy()
        socket.destroy()
        reject(error)
      }
      const onAbort = (): void => fail(signal.reason as Error)
      const onClose = (): void => fail(new Error('the connection was closed'))
      // Stays: what becomes of the connection later shows on the secured socket.
      socket.on('error', fail)
      secured.once('error', fail)
      secured.once('close', onClose)
      secured.once('secureConnect', () => {
        signal.removeEventListener('abort', onAbort)
        secured.removeListener('error', fail)
        secured.removeListener('close', onClose)
        resolve(secured)
      })
      if (signal.aborted) onAbort()
      else signal.addEventListener('abort', onAbort, { once: true })
    })
  }
}

/** Waits until a connection stands. */
function connected(socket: Socket, signal: AbortSignal): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const fail = (error: Error): void => {
      signal.removeEventListener('abort', onAbort)
      socket.destroy()
      reject(error)
    }
    const onAbort = (): void => fail(signal.reason as Error)
    socket.once('error', fail)
    socket.once('connect', () => {
      signal.removeEventListener('abort', onAbort)
      socket.removeListener('error', fail)
      resolve(socket)
    })
    if (signal.aborted) onAbort()
    else signal.addEventListener('abort', onAbort, { once: true })
  })
}
