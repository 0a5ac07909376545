import { s } from '@hearth/protocol'
import { multipartAnswer } from '../answers/multipart-answer.ts'
import { DOWNLOAD_DEADLINE_MS } from '../client/serve-file.ts'
import { thumbnailQuery, wantedThumbnail } from '../client/serve-thumbnail.ts'
import { federationEndpoint } from '../context.ts'

/** A picture of this server made smaller, for another one. {@link https://spec.matrix.org/v1.19/server-server-api/#get_matrixfederationv1mediathumbnailmediaid} */
export const getContentThumbnail = federationEndpoint({
  method: 'GET',
  path: '/_matrix/federation/v1/media/thumbnail/:mediaId',
  auth: 'server',
  deadlineMs: DOWNLOAD_DEADLINE_MS,
  longPoll: true,
  params: s.object({ mediaId: s.string }),
  query: s.object(thumbnailQuery),
  response: s.unknown,
  async handle({ thumbnails, blobs, media: { serverName } }, { params: { mediaId }, query, requester, signal }) {
    const asking = { kind: 'server', origin: requester.origin } as const
    const options = { requester: asking, timeoutMs: query.timeout_ms, signal }
    const made = await thumbnails.of(wantedThumbnail({ serverName, mediaId }, query), options)
    return multipartAnswer({ ...made, read: () => blobs.read(made.hash) })
  },
})
