import { TestServer } from '@hearth/test-kit'
import { describe, expect, it } from 'vitest'

const path = '/.well-known/matrix/server'

describe('GET /.well-known/matrix/server', () => {
  it('names the host and port of the public URL', async () => {
    const settings = { HEARTH_SERVER_NAME: 'example.org', HEARTH_PUBLIC_URL: 'https://matrix.example.org' }
    await using server = await TestServer.start({ settings })
    const { status, body, headers } = await server.anonymous.request('GET', path)
    expect([status, body]).toEqual([200, { 'm.server': 'matrix.example.org:443' }])
    expect(headers.get('cache-control')).toBe('public, max-age=3600')
  })

  it('is not there when the server is found by its name, or does not federate', async () => {
    for (const settings of [
      { HEARTH_PUBLIC_URL: 'https://hearth.test:8448' },
      { HEARTH_PUBLIC_URL: 'https://matrix.hearth.test', HEARTH_FEDERATION_ENABLED: 'false' },
    ]) {
      await using server = await TestServer.start({ settings })
      const { status, body } = await server.anonymous.request('GET', path)
      expect([status, body['errcode']]).toEqual([404, 'M_NOT_FOUND'])
    }
  })
})
