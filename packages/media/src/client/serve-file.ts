import { RawAnswer, fileAnswer, type Answer, type FileRequest } from '@hearth/http'
import { s } from '@hearth/protocol'
import { fileNameOf } from '../answers/content-disposition.ts'
import { mediaHeaders } from '../answers/media-headers.ts'
import type { MediaContext } from '../context.ts'
import type { FindOptions } from '../files/media-files.ts'
import type { ArrivingMedia, StoredMedia } from '../files/stored-media.ts'

/** The parameters of a download. */
export const fileParams = { serverName: s.string, mediaId: s.string }

/** Where a client says how long it waits for a file that is not uploaded yet, in milliseconds. */
export const waitQuery = { timeout_ms: s.optional(s.integer) }

export interface WantedFile {
  readonly serverName: string
  readonly mediaId: string
  /** The name to give it instead of its own. */
  readonly fileName?: string
}

/** How long a download may take until its first byte: the wait for an upload, and for the other server. Milliseconds. */
export const DOWNLOAD_DEADLINE_MS = 150_000

/**
 * Answers with a file. What is still on its way from another server is handed on as it arrives, unless a part of it is
 * asked for.
 */
export async function serveFile(
  { mediaFiles, blobs }: MediaContext,
  request: FileRequest,
  { serverName, mediaId, fileName }: WantedFile,
  options: FindOptions,
): Promise<Answer<unknown> | RawAnswer> {
  const shared = options.requester.kind === 'anybody'
  const headersOf = ({ contentType, name }: StoredMedia | ArrivingMedia): Record<string, string> =>
    mediaHeaders({ contentType, name: fileNameOf(fileName) ?? name, shared })
  const wantsWhole = request.method === 'GET' && request.header('range') === undefined
  const media = await mediaFiles[wantsWhole ? 'open' : 'find']({ serverName, mediaId }, options)
  if ('stream' in media) {
    return new RawAnswer({ contentType: media.contentType, headers: headersOf(media), payload: media.stream })
  }
  return fileAnswer(request, {
    size: media.size,
    tag: media.hash.toString('base64url'),
    contentType: media.contentType,
    headers: headersOf(media),
    read: (range) => blobs.read(media.hash, range),
  })
}
