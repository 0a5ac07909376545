import { byteStream } from '@hearth/http'
import { s } from '@hearth/protocol'
import { endpoint } from '../context.ts'
import { legacy } from './paths.ts'
import { fileParams } from './serve-file.ts'

/** Takes the file of an id that was given out before. {@link https://spec.matrix.org/v1.19/client-server-api/#put_matrixmediav3uploadservernamemediaid} */
export const uploadContentToMXC = endpoint({
  method: 'PUT',
  path: legacy('/upload/:serverName/:mediaId'),
  auth: 'user',
  rateLimit: 'mediaUploads',
  params: s.object(fileParams),
  query: s.object({ filename: s.optional(s.string) }),
  body: byteStream,
  response: s.object({}),
  async handle({ mediaUploads }, { params, query, body, requester }) {
    const { contentType } = body
    const file = { contentType, name: query.filename, read: (maxBytes: number) => body.read(maxBytes) }
    await mediaUploads.fill(requester, params.serverName, params.mediaId, file)
    return {}
  },
})
