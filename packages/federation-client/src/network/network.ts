import type { Socket } from 'node:net'

/** An SRV record: where a service of a domain is. {@link https://www.rfc-editor.org/rfc/rfc2782} */
export interface SrvRecord {
  /** A host name; `.` says that the service is decidedly not there. */
  readonly name: string
  readonly port: number
  /** Smaller ones are tried first. */
  readonly priority: number
  /** Its share among those of the same priority. */
  readonly weight: number
}

/** The outside world: the only way by which requests leave, so that tests have one of their own. */
export interface Network {
  /** The IPv4 and IPv6 addresses of a host name, in the order to try them. Rejects when there are none. */
  addressesOf(host: string): Promise<readonly string[]>
  /** The SRV records of a name; empty when there are none. Rejects when that cannot be found out. */
  srvRecords(name: string): Promise<readonly SrvRecord[]>
  /** Opens a TCP connection to whichever of these IP addresses answers. Looks nothing up. */
  connect(addresses: readonly string[], port: number): Socket
}
