import { s } from '@hearth/protocol'
import { endpoint } from '../context.ts'
import { authed } from './paths.ts'
import { DOWNLOAD_DEADLINE_MS, fileParams, serveFile, waitQuery } from './serve-file.ts'

/** A file, for a user. {@link https://spec.matrix.org/v1.19/client-server-api/#get_matrixclientv1mediadownloadservernamemediaid} */
export const getContentAuthed = endpoint({
  method: 'GET',
  path: authed('/download/:serverName/:mediaId'),
  auth: 'userOrGuest',
  rateLimit: 'mediaDownloads',
  deadlineMs: DOWNLOAD_DEADLINE_MS,
  longPoll: true,
  params: s.object(fileParams),
  query: s.object(waitQuery),
  response: s.unknown,
  handle(context, request) {
    const { params, query, requester, ip, signal } = request
    const options = { requester: { kind: 'user', userNid: requester.userNid, ip }, signal } as const
    return serveFile(context, request, params, { ...options, timeoutMs: query.timeout_ms })
  },
})
