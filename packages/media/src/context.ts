import type { Requester } from '@hearth/core'
import { endpointFor, type Requesters } from '@hearth/http'
import type { ServerName } from '@hearth/protocol'
import type { Blobs } from './blobs/blobs.ts'
import type { MediaAdministration } from './administration/media-administration.ts'
import type { MediaFiles } from './files/media-files.ts'
import type { MediaRateLimit } from './rate-limits.ts'
import type { Thumbnails } from './thumbnails/thumbnails.ts'
import type { UrlPreviews } from './previews/url-previews.ts'
import type { MediaUploads } from './uploads/media-uploads.ts'

/** The services that endpoints use. */
export interface MediaContext {
  readonly blobs: Blobs
  readonly mediaFiles: MediaFiles
  readonly mediaUploads: MediaUploads
  readonly administration: MediaAdministration
  readonly thumbnails: Thumbnails
  readonly urlPreviews: UrlPreviews
  readonly media: {
    readonly serverName: ServerName
    /** The largest file that users may send, in bytes. */
    readonly maxUploadBytes: number
  }
}

/** The ways to authenticate of the content repository: those of the APIs that it is a part of. */
export interface MediaRequesters extends Requesters {
  readonly user: Requester
  readonly userOrGuest: Requester
}

/** Another server, which has signed its request. */
export interface MediaServerRequesters extends Requesters {
  readonly server: { readonly origin: ServerName }
}

/** Declares an endpoint of the content repository for clients. */
export const endpoint = endpointFor<MediaContext, MediaRequesters, MediaRateLimit>()

/** Declares an endpoint of the content repository for other servers. */
export const federationEndpoint = endpointFor<MediaContext, MediaServerRequesters, MediaRateLimit>()
