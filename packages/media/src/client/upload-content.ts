import { byteStream } from '@hearth/http'
import { s } from '@hearth/protocol'
import { endpoint } from '../context.ts'
import { mxcUri } from '../media-id.ts'
import { legacy } from './paths.ts'

/** Takes a file. {@link https://spec.matrix.org/v1.19/client-server-api/#post_matrixmediav3upload} */
export const uploadContent = endpoint({
  method: 'POST',
  path: legacy('/upload'),
  auth: 'user',
  rateLimit: 'mediaUploads',
  query: s.object({ filename: s.optional(s.string) }),
  body: byteStream,
  response: s.object({ content_uri: s.string }),
  async handle({ mediaUploads }, { query, body, requester }) {
    const { contentType } = body
    const file = { contentType, name: query.filename, read: (maxBytes: number) => body.read(maxBytes) }
    return { content_uri: mxcUri(await mediaUploads.upload(requester, file)) }
  },
})
