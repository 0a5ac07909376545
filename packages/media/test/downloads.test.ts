import { createHash, randomBytes } from 'node:crypto'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { FakeNetwork, TestServer } from '@hearth/test-kit'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { MediaClient, send } from './media-client.ts'

let server: TestServer
let network: FakeNetwork
let directory: string
let alice: MediaClient

const settings = (access: string): Record<string, string> => ({
  HEARTH_MEDIA_DIRECTORY: directory,
  HEARTH_MEDIA_UNAUTHENTICATED_ACCESS: access,
})

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'hearth-media-'))
  network = new FakeNetwork()
  server = await TestServer.start({ network, settings: settings('frozen') })
  const person = await server.register('alice')
  alice = new MediaClient(() => server.url, person)
})
afterAll(async () => {
  await server.stop()
  await rm(directory, { recursive: true })
})

const anybody = (path: string, url = server.url) => send(url, 'GET', `/_matrix/media/v3/download/${path}`)

describe('downloads', () => {
  it('[SEC-181] can do nothing in the name of the server', async () => {
    const { headers } = await alice.download(await alice.upload('<script>', { type: 'text/html' }))
    expect(headers).toMatchObject({
      'content-security-policy': expect.stringMatching(/^sandbox; default-src 'none'; script-src 'none';/) as string,
      'cross-origin-resource-policy': 'cross-origin',
      'x-content-type-options': 'nosniff',
      'referrer-policy': 'no-referrer',
      'access-control-allow-origin': '*',
      'cache-control': expect.stringContaining('private') as string,
    })
  })

  it.each([
    ['text/html', 'attachment'],
    ['image/svg+xml', 'attachment'],
    ['Text/HTML; x', 'attachment'],
    ['application/xhtml+xml', 'attachment'],
    ['text/xml', 'attachment'],
    ['application/pdf', 'attachment'],
    ['image/png', 'inline'],
    ['IMAGE/PNG', 'inline'],
    ['text/plain; charset=utf-8', 'inline'],
    ['video/mp4', 'inline'],
  ])('[SEC-180] [M-02] give %s as %s', async (type, disposition) => {
    const { headers } = await alice.download(await alice.upload('x', { type }))
    expect([headers['content-type'], headers['content-disposition']]).toEqual([type, disposition])
  })

  it('[SEC-180] are of no type when theirs is none', async () => {
    for (const type of ['', 'nonsense', 'image/png, text/html', 'text/plain\u00e9', `image/${'x'.repeat(300)}`]) {
      const { headers } = await alice.download(await alice.upload('x', { type }))
      expect(headers['content-type']).toBe('application/octet-stream')
      expect(headers['content-disposition']).toBe('attachment')
    }
  })

  it.each([
    ['plain.txt', 'inline; filename="plain.txt"'],
    ['with space.txt', 'inline; filename="with space.txt"'],
    ['a"b\\c.txt', String.raw`inline; filename="a\"b\\c.txt"`],
    ['a;b=c.txt', 'inline; filename="a;b=c.txt"'],
    ["ünï'côde(☕).txt", "inline; filename*=utf-8''%c3%bcn%c3%af%27c%c3%b4de%28%e2%98%95%29.txt"],
    ['a\r\nSet-Cookie: x.txt', 'inline; filename="aSet-Cookie: x.txt"'],
    ['gnp.\u202eexe.txt', 'inline; filename="gnp.exe.txt"'],
    ['../../etc/passwd', 'inline; filename="../../etc/passwd"'],
  ])('[SEC-182] are called %j', async (name, expected) => {
    const normal = (disposition: string | undefined) =>
      disposition?.replaceAll(/%[0-9a-f]{2}/gi, (code) => code.toLowerCase())
    const path = await alice.upload('x', { name })
    expect(normal((await alice.download(path)).headers['content-disposition'])).toBe(expected)
    const unnamed = await alice.upload('x')
    const renamed = await alice.download(`${unnamed}/${encodeURIComponent(name)}`)
    expect(normal(renamed.headers['content-disposition'])).toBe(expected)
    expect((await alice.download(unnamed)).headers['content-disposition']).toBe('inline')
  })

  it('[SEC-182] are not called anything endless', async () => {
    const path = await alice.upload('x', { name: 'x'.repeat(10_000) })
    expect((await alice.download(path)).headers['content-disposition']).toBe(`inline; filename="${'x'.repeat(255)}"`)
  })

  it('come in part, by their head, and not at all to who has them', async () => {
    const bytes = randomBytes(500_000)
    const path = await alice.upload(bytes)
    const part = await alice.download(path, { range: 'bytes=100000-299999' })
    expect([part.status, part.headers['content-range']]).toEqual([206, 'bytes 100000-299999/500000'])
    expect(part.bytes.equals(bytes.subarray(100_000, 300_000))).toBe(true)
    expect((await alice.download(path, { range: 'bytes=500000-' })).status).toBe(416)
    const head = await alice.request('HEAD', `/_matrix/client/v1/media/download/${path}`)
    expect([head.status, head.headers['content-length'], head.bytes.length]).toEqual([200, '500000', 0])
    const etag = `"${createHash('sha256').update(bytes).digest('base64url')}"`
    expect(head.headers.etag).toBe(etag)
    const known = await alice.download(path, { 'if-none-match': etag })
    expect([known.status, known.bytes.length]).toEqual([304, 0])
  })

  it('[S-44] reach nothing but files', async () => {
    await writeFile(join(directory, 'secret'), 'secret')
    for (const path of [
      'hearth.test/..%2f..%2f..%2fsecret',
      'hearth.test/..',
      '../secret',
      '..%2f/secret',
      '%2e%2e/secret',
      'hearth.test/%2e%2e%2fsecret',
      'hearth.test/a%00b',
      'evil.test/..%2f..%2f..%2fx',
    ]) {
      const { status, bytes } = await alice.download(path)
      expect([400, 404], path).toContain(status)
      expect(bytes.toString()).not.toContain('secret\n')
    }
    expect(await readFile(join(directory, 'secret'), 'utf8')).toBe('secret')
    expect(network.attempts).toEqual([])
  })

  it('[SEC-190] are not there when they are quarantined, whoever sends them again', async () => {
    const path = await alice.upload('quarantined')
    await server.store.database.execute(
      null,
      `update media set quarantined_by = '@a:hearth.test' where media_id = $1`,
      [path.split('/')[1]!],
    )
    const again = await alice.upload('quarantined')
    for (const each of [path, again]) {
      expect(await alice.download(each)).toMatchObject({ status: 404, body: { errcode: 'M_NOT_FOUND' } })
    }
  })
})

describe('downloads without an access token', () => {
  it('[SEC-186] [S-61] [M-03] give nothing that came after the freeze, and ask no other server', async () => {
    const path = await alice.upload('frozen')
    for (const each of [path, `${path}/name.txt`, 'elsewhere.test/abc', 'elsewhere.test/abc?allow_remote=true']) {
      expect(await anybody(each)).toMatchObject({ status: 404, body: { errcode: 'M_NOT_FOUND' } })
    }
    const reserved = await alice.request('POST', '/_matrix/media/v1/create')
    const id = (reserved.body['content_uri'] as string).slice('mxc://'.length)
    expect(await anybody(`${id}?timeout_ms=60000`)).toMatchObject({ status: 404 })
    expect([network.attempts, network.lookups]).toEqual([[], []])
    const authed = await send(server.url, 'GET', `/_matrix/client/v1/media/download/${path}`)
    expect(authed).toMatchObject({ status: 401, body: { errcode: 'M_MISSING_TOKEN' } })
  })

  it('give what came before the freeze, as long as that is', async () => {
    const frozen = await alice.upload('frozen')
    const open = await TestServer.start({ network, settings: settings('open'), database: server.database })
    try {
      const early = new MediaClient(() => open.url, await open.register('bob'))
      const path = await early.upload('early', { name: 'early.txt' })
      const got = await anybody(path, open.url)
      expect([got.status, got.bytes.toString(), got.headers['cache-control']]).toEqual([
        200,
        'early',
        'public, max-age=86400',
      ])
      expect((await anybody(frozen, open.url)).status).toBe(200)
      expect((await anybody(path)).bytes.toString()).toBe('early')
      const other = await send(server.url, 'GET', `/_matrix/media/r0/download/${path}/other.txt`)
      expect(other.headers['content-disposition']).toBe('inline; filename="other.txt"')
      expect((await anybody(frozen)).status).toBe(404)
    } finally {
      await open.stop()
    }
  })
})
