import { s } from '@hearth/protocol'
import { endpoint } from '../context.ts'
import { legacy } from './paths.ts'
import { DOWNLOAD_DEADLINE_MS, fileParams, serveFile, waitQuery } from './serve-file.ts'

/**
 * A file, for anybody: nothing that came after access without authentication was frozen.
 * {@link https://spec.matrix.org/v1.19/client-server-api/#get_matrixmediav3downloadservernamemediaid}
 */
export const getContent = endpoint({
  method: 'GET',
  path: legacy('/download/:serverName/:mediaId'),
  auth: 'none',
  rateLimit: 'mediaDownloads',
  deadlineMs: DOWNLOAD_DEADLINE_MS,
  longPoll: true,
  params: s.object(fileParams),
  query: s.object({ ...waitQuery, allow_remote: s.optional(s.boolean) }),
  response: s.unknown,
  handle(context, request) {
    const { params, query, ip, signal } = request
    const options = { requester: { kind: 'anybody', ip }, allowRemote: query.allow_remote, signal } as const
    return serveFile(context, request, params, { ...options, timeoutMs: query.timeout_ms })
  },
})
