import { TestServer } from '@hearth/test-kit'
import { createClient } from 'matrix-js-sdk'
import { expect, it } from 'vitest'
import { quiet } from '../../client-api/test/js-sdk/quiet-logger.ts'

it('matrix-js-sdk sends a file and gets it back under its name', async () => {
  await using server = await TestServer.start()
  const { userId, accessToken, deviceId } = await server.register('alice')
  const client = createClient({ baseUrl: server.url, userId, accessToken, deviceId, logger: quiet })
  expect(await client.getMediaConfig(true)).toEqual({ 'm.upload.size': 100 * 1024 * 1024 })
  const file = new Blob(['a picture of ☕'], { type: 'image/png' })
  const uploaded = await client.uploadContent(file, { name: 'kaffee ☕.png', type: 'image/png' })
  const url = client.mxcUrlToHttp(uploaded.content_uri, undefined, undefined, undefined, false, true, true)!
  const got = await fetch(url, { headers: { authorization: `Bearer ${accessToken}` } })
  expect([got.status, got.headers.get('content-type'), await got.text()]).toEqual([200, 'image/png', 'a picture of ☕'])
  expect(got.headers.get('content-disposition')).toContain(encodeURIComponent('kaffee ☕.png'))
})
