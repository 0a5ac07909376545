import { randomBytes } from 'node:crypto'
import { isServerName, type ServerName } from '@hearth/protocol'

/** A file by its mxc URI. {@link https://spec.matrix.org/v1.19/client-server-api/#matrix-content-mxc-uris} */
export interface Mxc {
  readonly serverName: ServerName
  readonly mediaId: string
}

const mediaIdPattern = /^[A-Za-z0-9_-]{1,255}$/
/** Names that the grammar of servers allows, and that are no host's. */
const noHost = /^\.|\.\./

/** A media id that nobody can guess. */
export function newMediaId(): string {
  return randomBytes(18).toString('base64url')
}

/** An mxc URI's parts, if they can be those of one. */
export function mxcOf(serverName: string, mediaId: string): Mxc | undefined {
  const isMxc = isServerName(serverName) && !noHost.test(serverName) && mediaIdPattern.test(mediaId)
  return isMxc ? { serverName, mediaId } : undefined
}

/** `mxc://server/id`. */
export function mxcUri({ serverName, mediaId }: Mxc): string {
  return `mxc://${serverName}/${mediaId}`
}
