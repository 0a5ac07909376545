import { rawJson } from '@hearth/http'
import { s } from '@hearth/protocol'
import { endpoint } from '../context.ts'
import { legacy } from './paths.ts'
import { previewQuery } from './preview-query.ts'

/** What a web page says of itself, where it was before access was authenticated. {@link https://spec.matrix.org/v1.19/client-server-api/#get_matrixmediav3preview_url} */
export const getUrlPreview = endpoint({
  method: 'GET',
  path: legacy('/preview_url'),
  auth: 'user',
  rateLimit: 'urlPreviews',
  query: s.object(previewQuery),
  response: s.unknown,
  async handle({ urlPreviews }, { query }) {
    return rawJson(await urlPreviews.of(query.url))
  },
})
