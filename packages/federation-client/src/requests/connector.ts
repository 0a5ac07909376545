import { isIP, type Socket } from 'node:net'
import { checkServerIdentity, connect, createSecureContext, getCACertificates, type TLSSocket } from 'node:tls'
import type { Clock } from '@hearth/runtime'
import type { Route } from '../discovery/route.ts'
import { isPublicAddress } from '../network/public-address.ts'
import type { Network } from '../network/network.ts'
import { DeadlineExceeded } from './deadline-exceeded.ts'
import { orAborted } from './or-aborted.ts'

export interface ConnectorDeps {
  readonly network: Network
  /** Certificate authorities in PEM to trust beside the usual ones. */
  readonly trustedAuthorities: readonly string[]
  readonly allowPrivateAddresses: boolean
  readonly clock: Clock
}

/**
 * Opens TLS connections. What is connected to is the very address that was checked, so that a name cannot answer with one
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
  async connect(route: Route, limitMs: number): Promise<TLSSocket> {
    const tooLate = new AbortController()
    const timer = this.#deps.clock.setTimer(limitMs, () => tooLate.abort(new DeadlineExceeded('connecting', limitMs)))
    try {
      const addresses = await orAborted(this.#addressesOf(route.host), tooLate.signal)
      return await this.#secure(this.#deps.network.connect(addresses, route.port), route, tooLate.signal)
    } finally {
      timer.cancel()
    }
  }

  async #addressesOf(host: string): Promise<readonly string[]> {
    const { network, allowPrivateAddresses } = this.#deps
    const addresses = isIP(host) === 0 ? await network.addressesOf(host) : [host]
    const allowed = allowPrivateAddresses ? addresses : addresses.filter(isPublicAddress)
    if (allowed.length === 0) {
      throw new Error(addresses.length === 0 ? 'the host has no address' : 'the host has no public address')
    }
    return allowed
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
