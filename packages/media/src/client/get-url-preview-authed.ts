import { rawJson } from '@hearth/http'
import { s } from '@hearth/protocol'
import { endpoint } from '../context.ts'
import { authed } from './paths.ts'
import { previewQuery } from './preview-query.ts'

/** What a web page says of itself. {@link https://spec.matrix.org/v1.19/client-server-api/#get_matrixclientv1mediapreview_url} */
export const getUrlPreviewAuthed = endpoint({
  method: 'GET',
  path: authed('/preview_url'),
  auth: 'user',
  rateLimit: 'urlPreviews',
  query: s.object(previewQuery),
  response: s.unknown,
  async handle({ urlPreviews }, { query }) {
    return rawJson(await urlPreviews.of(query.url))
  },
})
