import { s } from '@hearth/protocol'
import { multipartAnswer } from '../answers/multipart-answer.ts'
import { DOWNLOAD_DEADLINE_MS, waitQuery } from '../client/serve-file.ts'
import { federationEndpoint } from '../context.ts'

/** A file of this server, for another one. {@link https://spec.matrix.org/v1.19/server-server-api/#get_matrixfederationv1mediadownloadmediaid} */
export const getContent = federationEndpoint({
  method: 'GET',
  path: '/_matrix/federation/v1/media/download/:mediaId',
  auth: 'server',
  deadlineMs: DOWNLOAD_DEADLINE_MS,
  longPoll: true,
  params: s.object({ mediaId: s.string }),
  query: s.object(waitQuery),
  response: s.unknown,
  async handle({ mediaFiles, blobs, media: { serverName } }, { params: { mediaId }, query, requester, signal }) {
    const asked = {
      requester: { kind: 'server', origin: requester.origin },
      timeoutMs: query.timeout_ms,
      signal,
    } as const
    const { contentType, name, size, hash } = await mediaFiles.find({ serverName, mediaId }, asked)
    return multipartAnswer({ contentType, name, size, read: () => blobs.read(hash) })
  },
})
