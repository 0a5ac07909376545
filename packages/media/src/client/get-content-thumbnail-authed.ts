import { s } from '@hearth/protocol'
import { endpoint } from '../context.ts'
import { authed } from './paths.ts'
import { DOWNLOAD_DEADLINE_MS, fileParams } from './serve-file.ts'
import { serveThumbnail, thumbnailQuery } from './serve-thumbnail.ts'

/** A picture made smaller, for a user. {@link https://spec.matrix.org/v1.19/client-server-api/#get_matrixclientv1mediathumbnailservernamemediaid} */
export const getContentThumbnailAuthed = endpoint({
  method: 'GET',
  path: authed('/thumbnail/:serverName/:mediaId'),
  auth: 'userOrGuest',
  rateLimit: 'mediaDownloads',
  deadlineMs: DOWNLOAD_DEADLINE_MS,
  longPoll: true,
  params: s.object(fileParams),
  query: s.object(thumbnailQuery),
  response: s.unknown,
  handle(context, request) {
    const { query, requester, ip, signal } = request
    const asking = { kind: 'user', userNid: requester.userNid, ip } as const
    return serveThumbnail(context, request, { requester: asking, timeoutMs: query.timeout_ms, signal })
  },
})
