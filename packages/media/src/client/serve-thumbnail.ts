import { fileAnswer, type Answer, type FileRequest, type RawAnswer } from '@hearth/http'
import { s } from '@hearth/protocol'
import { mediaHeaders } from '../answers/media-headers.ts'
import type { MediaContext } from '../context.ts'
import type { FindOptions } from '../files/media-files.ts'
import { waitQuery } from './serve-file.ts'

/** Larger wishes are mistakes. */
const MAX_LENGTH = 65_535

const length = s.refine(s.integer, { minimum: 1, maximum: MAX_LENGTH })

/** What kind of thumbnail clients and servers ask for. */
export const thumbnailQuery = {
  ...waitQuery,
  width: length,
  height: length,
  method: s.optional(s.literal('crop', 'scale')),
  animated: s.optional(s.boolean),
}

export interface ThumbnailQuery {
  readonly width: number
  readonly height: number
  readonly method?: 'crop' | 'scale' | undefined
  readonly animated?: boolean | undefined
}

/** The thumbnail that a query describes. */
export function wantedThumbnail(
  { serverName, mediaId }: { serverName: string; mediaId: string },
  { width, height, method = 'scale', animated = false }: ThumbnailQuery,
) {
  return { serverName, mediaId, width, height, method, animated }
}

/** Answers with a thumbnail. */
export async function serveThumbnail(
  { thumbnails, blobs }: MediaContext,
  request: FileRequest & { readonly params: { serverName: string; mediaId: string }; readonly query: ThumbnailQuery },
  options: FindOptions,
): Promise<Answer<unknown> | RawAnswer> {
  const made = await thumbnails.of(wantedThumbnail(request.params, request.query), options)
  return fileAnswer(request, {
    size: made.size,
    tag: made.hash.toString('base64url'),
    contentType: made.contentType,
    headers: mediaHeaders({ ...made, shared: options.requester.kind === 'anybody' }),
    read: (range) => blobs.read(made.hash, range),
  })
}
