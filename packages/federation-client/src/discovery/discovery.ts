import type { ServerName } from '@hearth/protocol'
import { orAborted } from '../requests/or-aborted.ts'
import { hostAndPort } from './host-and-port.ts'
import type { Route } from './route.ts'
import type { SrvLookup } from './srv-lookup.ts'
import type { WellKnowns } from './well-knowns.ts'

const DEFAULT_PORT = 8448
/** Each that does not answer takes its time to find out. */
const MAX_ROUTES = 3

/** Finds out how servers are reached. {@link https://spec.matrix.org/v1.19/server-server-api/#resolving-server-names} */
export class Discovery {
  readonly #wellKnowns: WellKnowns
  readonly #srv: SrvLookup

  constructor({ wellKnowns, srv }: { wellKnowns: WellKnowns; srv: SrvLookup }) {
    this.#wellKnowns = wellKnowns
    this.#srv = srv
  }

  /** The ways to a server, in the order to try them. What is found out is remembered even if the signal comes first. */
  routesTo(destination: ServerName, signal: AbortSignal): Promise<readonly Route[]> {
    return orAborted(this.#find(destination), signal)
  }

  /** Tells that none of the ways worked, so that what is remembered of them may be outdated. */
  doubt(destination: ServerName): void {
    const { host } = hostAndPort(destination)
    const delegate = this.#wellKnowns.rememberedDelegateOf(host)
    this.#srv.forget(delegate === undefined ? host : hostAndPort(delegate).host)
    this.#wellKnowns.doubt(host)
  }

  /** Finds out anew next time how a server is reached. */
  forget(destination: ServerName): void {
    this.doubt(destination)
    this.#wellKnowns.forget(hostAndPort(destination).host)
  }

  async #find(destination: ServerName): Promise<readonly Route[]> {
    const direct = directRoute(destination)
    if (direct !== undefined) return [direct]
    const delegate = await this.#wellKnowns.delegateOf(destination)
    if (delegate === undefined) return this.#bySrv(destination)
    const delegated = directRoute(delegate)
    return delegated === undefined ? this.#bySrv(delegate) : [delegated]
  }

  /** The ways to a host whose port is not known. */
  async #bySrv(host: string): Promise<readonly Route[]> {
    // Whatever DNS says, it must be the host that has the certificate: anybody may have forged the answer.
    const identity = { hostHeader: host, certificateName: host }
    const records = await this.#srv.recordsOf(host)
    if (records.length === 0) return [{ host, port: DEFAULT_PORT, ...identity }]
    const present = records.filter(({ name }) => name !== '' && name !== '.')
    if (present.length === 0) throw new Error('its SRV record says that there is no server')
    return present.slice(0, MAX_ROUTES).map(({ name, port }) => ({ host: name, port, ...identity }))
  }
}

/** The way to a server whose name says where it is: an address, or a host with a port. */
function directRoute(serverName: ServerName): Route | undefined {
  const { host, port, isLiteral } = hostAndPort(serverName)
  if (!isLiteral && port === undefined) return undefined
  return { host, port: port ?? DEFAULT_PORT, hostHeader: serverName, certificateName: host }
}
