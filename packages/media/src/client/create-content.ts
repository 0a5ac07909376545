import { s } from '@hearth/protocol'
import { endpoint } from '../context.ts'
import { mxcUri } from '../media-id.ts'

/** Gives an id for a file that is still to come. {@link https://spec.matrix.org/v1.19/client-server-api/#post_matrixmediav1create} */
export const createContent = endpoint({
  method: 'POST',
  path: '/_matrix/media/v1/create',
  auth: 'user',
  rateLimit: 'mediaCreation',
  response: s.object({ content_uri: s.string, unused_expires_at: s.integer }),
  async handle({ mediaUploads }, { requester }) {
    const reserved = await mediaUploads.reserve(requester)
    return { content_uri: mxcUri(reserved), unused_expires_at: reserved.expiresTs }
  },
})
