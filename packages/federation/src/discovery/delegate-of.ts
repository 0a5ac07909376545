import { isIP } from 'node:net'
import type { ServerName } from '@hearth/protocol'

const DEFAULT_PORT = '8448'
const HTTPS_PORT = '443'

/**
 * The server that the well-known file of a server's name has to name, so that others find it at its public URL; or
 * `undefined` if they do so without, or cannot at all: only TLS will do for them, and only paths from the root.
 */
export function delegateOf(serverName: ServerName, publicUrl: string): string | undefined {
  const { protocol, hostname, port, pathname } = new URL(publicUrl)
  if (protocol !== 'https:' || pathname !== '/') return undefined
  // Addresses to listen on, which nobody can connect to.
  if (hostname === '0.0.0.0' || hostname === '[::]') return undefined
  // Nobody asks for the file of a name that says where the server is.
  if (serverName.startsWith('[') || serverName.includes(':') || isIP(serverName) !== 0) return undefined
  const delegate = `${hostname}:${port === '' ? HTTPS_PORT : port}`
  return delegate === `${serverName.toLowerCase()}:${DEFAULT_PORT}` ? undefined : delegate
}
