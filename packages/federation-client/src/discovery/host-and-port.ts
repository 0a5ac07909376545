import { isIP } from 'node:net'
import type { ServerName } from '@hearth/protocol'

/** A server name in its parts. */
export interface HostAndPort {
  /** A host name, or an IP address without brackets. */
  readonly host: string
  readonly port: number | undefined
  readonly isLiteral: boolean
}

const parts = /^(?:\[(?<address>[^\]]*)\]|(?<name>[^:]*))(?::(?<port>[0-9]+))?$/

/** Takes a server name apart. */
export function hostAndPort(serverName: ServerName): HostAndPort {
  const { address, name, port } = parts.exec(serverName)?.groups ?? {}
  const host = address ?? name ?? ''
  return { host, port: port === undefined ? undefined : Number(port), isLiteral: isIP(host) !== 0 }
}
