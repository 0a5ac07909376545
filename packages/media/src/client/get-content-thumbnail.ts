import { s } from '@hearth/protocol'
import { endpoint } from '../context.ts'
import { legacy } from './paths.ts'
import { DOWNLOAD_DEADLINE_MS, fileParams } from './serve-file.ts'
import { serveThumbnail, thumbnailQuery } from './serve-thumbnail.ts'

/**
 * A picture made smaller, for anybody: of none that came after access without authentication was frozen.
 * {@link https://spec.matrix.org/v1.19/client-server-api/#get_matrixmediav3thumbnailservernamemediaid}
 */
export const getContentThumbnail = endpoint({
  method: 'GET',
  path: legacy('/thumbnail/:serverName/:mediaId'),
  auth: 'none',
  rateLimit: 'mediaDownloads',
  deadlineMs: DOWNLOAD_DEADLINE_MS,
  longPoll: true,
  params: s.object(fileParams),
  query: s.object({ ...thumbnailQuery, allow_remote: s.optional(s.boolean) }),
  response: s.unknown,
  handle(context, request) {
    const { query, ip, signal } = request
    const options = { requester: { kind: 'anybody', ip }, allowRemote: query.allow_remote, signal } as const
    return serveThumbnail(context, request, { ...options, timeoutMs: query.timeout_ms })
  },
})
