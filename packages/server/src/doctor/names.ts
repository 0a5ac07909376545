import { isIP } from 'node:net'
import type { Config } from '../generated/config.ts'

/** Where a deployment is to be found, and whether the world can find it at all. */
export interface Names {
  /** The server name without a port. */
  readonly serverHost: string
  /** The server name is a plain DNS name: it may have records and a .well-known of its own. */
  readonly isPlain: boolean
  readonly publicUrl: URL
  readonly publicHost: string
  /** Nobody elsewhere can reach a name of this machine. */
  readonly isLocal: boolean
}

/** Reads from the configuration what the deployment is called. */
export function namesOf({ serverName, publicUrl }: Config): Names {
  const url = new URL(publicUrl)
  const [, address, name] = /^(?:\[(.*)\]|([^:]*))(?::\d+)?$/.exec(serverName) ?? []
  const serverHost = address ?? name ?? serverName
  const publicHost = url.hostname.replace(/^\[|\]$/g, '')
  return {
    serverHost,
    isPlain: isIP(serverHost) === 0 && serverHost === serverName,
    publicUrl: url,
    publicHost,
    isLocal: serverHost === 'localhost' || serverHost.endsWith('.localhost'),
  }
}

/** The URL of a path below `public_url`. */
export function below(publicUrl: URL, path: string): URL {
  return new URL(publicUrl.href.replace(/\/+$/, '') + path)
}
