import type { ServerName } from '@hearth/protocol'
import type { Readable } from 'node:stream'
import type { MediaRow } from '@hearth/store'
import type { Mxc } from '../media-id.ts'

/** A file that is whole. */
export interface StoredMedia {
  readonly nid: number
  readonly serverName: ServerName
  readonly mediaId: string
  /** SHA-256 of the content. */
  readonly hash: Buffer
  /** In bytes. */
  readonly size: number
  readonly contentType: string
  readonly name: string | undefined
  /** Whether it is for those only who say who they are. */
  readonly frozen: boolean
}

/** A file of another server that is arriving. */
export interface ArrivingMedia {
  readonly contentType: string
  readonly name: string | undefined
  /** The bytes from the first on, as they arrive; to be read or destroyed. */
  readonly stream: Readable
}

/** Who asks for a file: a user, anybody at all, or another server, which gets this server's own files only. */
export type MediaRequester =
  | { readonly kind: 'user'; readonly userNid: number; readonly ip: string }
  | { readonly kind: 'anybody'; readonly ip: string }
  | { readonly kind: 'server'; readonly origin: ServerName }

/** A row as a file, when its content is there. */
export function storedMedia({ serverName, mediaId }: Mxc, row: MediaRow): StoredMedia | undefined {
  const { nid, hash, size, contentType, name, frozen } = row
  if (hash === null || size === null) return undefined
  return { nid, serverName, mediaId, hash, size, contentType, name: name ?? undefined, frozen }
}
