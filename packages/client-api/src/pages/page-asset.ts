import { RawAnswer } from '@hearth/http'
import { notFound, s } from '@hearth/protocol'
import { endpoint } from '../context.ts'

/** The scripts and style sheets of the pages. */
export const pageAsset = endpoint({
  method: 'GET',
  path: '/_matrix/static/client/assets/:name',
  auth: 'none',
  params: s.object({ name: s.string }),
  response: s.unknown,
  handle({ pages }, { params }) {
    const asset = pages.asset(params.name)
    if (asset === undefined) throw notFound('There is no such file')
    return new RawAnswer({
      contentType: asset.contentType,
      headers: { 'Cache-Control': 'no-cache', 'X-Content-Type-Options': 'nosniff' },
      payload: asset.text,
    })
  },
})
