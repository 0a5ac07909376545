import { FakeNetwork, FakeWebServer, TestServer, type TestClient } from '@hearth/test-kit'
import iconv from 'iconv-lite'
import { createClient } from 'matrix-js-sdk'
import { gzipSync } from 'node:zlib'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { quiet } from '../../client-api/test/js-sdk/quiet-logger.ts'
import { picture } from './images/pictures.ts'

let network: FakeNetwork
let web: FakeWebServer
let server: TestServer
let alice: TestClient

beforeAll(async () => {
  network = new FakeNetwork()
  web = await FakeWebServer.start(network)
  web.addHost('page.test')
  web.put('/cat.png', { type: 'image/png', body: await picture(300, 200).png().toBuffer() })
  const settings = {
    HEARTH_URL_PREVIEWS_ENABLED: 'true',
    HEARTH_URL_PREVIEWS_DENY: '*.denied.test',
    HEARTH_RATE_LIMITS_ENABLED: 'true',
  }
  server = await TestServer.start({ network, settings })
  alice = await server.register('alice')
})
afterAll(async () => {
  await server.stop()
  await web[Symbol.asyncDispose]()
})

const preview = (url: string, client = alice) =>
  client.request('GET', '/_matrix/client/v1/media/preview_url', { query: { url } })

let pages = 0
/** The preview of a page with this content. */
async function previewOf(body: string | Uint8Array, type = 'text/html; charset=utf-8') {
  const path = `/page/${(pages += 1)}`
  web.put(path, { type, body })
  const { status, body: answer } = await preview(`http://page.test${path}`)
  expect(status).toBe(200)
  return answer
}

describe('the preview of a page', () => {
  it('is what it says of itself by OpenGraph, with the picture as media of this server', async () => {
    const answer = await previewOf(`<html><head><title>Title</title>
      <meta property="og:title" content="Cats &amp; dogs">
      <meta property="og:description" content="All about\n  them">
      <meta property="og:site_name" content="Pets">
      <meta property="og:type" content="article">
      <meta property="og:url" content="/canonical">
      <meta property="og:image" content="/cat.png">
      <meta property="og:image:width" content="9999">
      <meta property="og:image:alt" content="A cat"></head>`)
    expect(answer).toEqual({
      'og:title': 'Cats & dogs',
      'og:description': 'All about them',
      'og:site_name': 'Pets',
      'og:type': 'article',
      'og:url': 'http://page.test/canonical',
      'og:image': expect.stringMatching(/^mxc:\/\/hearth\.test\//) as string,
      'og:image:alt': 'A cat',
      'og:image:type': 'image/png',
      'og:image:width': 300,
      'og:image:height': 200,
      'matrix:image:size': expect.any(Number) as number,
    })
    const path = (answer['og:image'] as string).slice('mxc://'.length)
    const image = await alice.request('GET', `/_matrix/client/v1/media/download/${path}`)
    expect(image.status).toBe(200)
    expect(image.headers.get('content-type')).toBe('image/png')
  })

  it.each([
    [
      'cards',
      '<meta name="twitter:title" content="T"><meta name="twitter:description" content="D"><meta name="twitter:image" content="/cat.png">',
    ],
    [
      'structured data',
      `<script type="application/ld+json">{"@graph":[{"@type":"Org"},{"headline":"T","description":"D","image":[{"url":"/cat.png"}]}]}</script>`,
    ],
    [
      'the page itself',
      '<title>T</title><meta name="description" content="D"><body><img width=10 src=/dot.png><img src=cat.png>',
    ],
    [
      'paragraphs',
      '<base href="http://page.test/"><title>\n T </title><nav><p>No</p></nav><p>D</p><img src="cat.png">',
    ],
  ])('is made of %s', async (_, html) => {
    web.put('/page/cat.png', { type: 'image/png', body: await picture(300, 200).png().toBuffer() })
    const answer = await previewOf(html)
    expect(answer).toMatchObject({ 'og:title': 'T', 'og:description': 'D', 'og:image:width': 300 })
  })

  it('is made of what its site says of it', async () => {
    web.put('/oembed', {
      type: 'application/json',
      body: JSON.stringify({ type: 'video', title: 'A film', provider_name: 'Films', thumbnail_url: '/cat.png' }),
    })
    const link = (type: string) => `<link rel="alternate" type="${type}" href="/oembed">`
    expect(await previewOf(link('application/json+oembed'))).toMatchObject({
      'og:title': 'A film',
      'og:site_name': 'Films',
      'og:image:width': 300,
    })
    // [SEC-209] Nothing else is, and not what nobody could read.
    expect(await previewOf(link('text/xml+oembed'))).toEqual({})
    for (const body of [
      '<?xml version="1.0"?><!DOCTYPE x [<!ENTITY a "aaa">]>',
      `${'['.repeat(10_000)}${']'.repeat(10_000)}`,
      '7',
    ]) {
      web.put('/oembed', { type: 'application/json', body })
      expect(await previewOf(link('application/json+oembed'))).toEqual({})
    }
  })

  it('of a picture is the picture', async () => {
    const { body } = await preview('http://page.test/cat.png#part')
    expect(body).toMatchObject({ 'og:title': 'cat.png', 'og:image:width': 300, 'og:image:height': 200 })
  })

  it.each([
    ['[SEC-208] its header', 'windows-1251', 'text/html; charset=windows-1251', ''],
    ['its head', 'shift_jis', 'text/html', '<meta charset="Shift_JIS">'],
    [
      'its head, the old way',
      'koi8-r',
      'text/html',
      '<meta http-equiv=Content-Type content="text/html; charset=koi8-r">',
    ],
    ['its first bytes', 'utf-16le', 'text/html; charset=latin1', '\ufeff'],
    ['[SEC-208] UTF-16 without a mark', 'utf-16be', 'text/html', ''],
    ['[SEC-208] UTF-7, which nobody reads', 'utf-8', 'text/html; charset=utf-7', ''],
    ['an encoding that there is not', 'utf-8', 'text/html; charset=martian', ''],
    ['nothing', 'utf-8', 'text/html', ''],
  ])('is read in the encoding of %s', async (_, encoding, type, head) => {
    const title = encoding === 'shift_jis' ? '日本語' : 'Привет'
    const answer = await previewOf(iconv.encode(`${head}<title>${title}</title>`, encoding), type)
    expect(answer).toEqual({ 'og:title': title })
  })

  it('[SEC-208] is text without control characters, and not too much of it', async () => {
    const answer = await previewOf(`<title>a\0b\u0007c${'x'.repeat(1_000_000)}</title>`)
    expect(answer['og:title']).toMatch(/^a.?b cx+$/)
    expect((answer['og:title'] as string).length).toBeLessThanOrEqual(1_000)
  })

  it('is data, whatever markup is in it, and links to no scripts', async () => {
    const path = '/hostile'
    web.put(path, {
      type: 'text/html',
      body: `<meta property="og:title" content="&lt;script&gt;alert(1)&lt;/script&gt;"><meta property="og:url" content="javascript:alert(1)">
        <meta property="og:video" content="data:text/html,x"><meta property="og:image" content="javascript:alert(1)">
        <meta property="__proto__" content="x"><meta property="og:__proto__" content="x">`,
    })
    const answer = await preview(`http://page.test${path}`)
    expect(answer.headers.get('content-type')).toBe('application/json')
    expect(answer.headers.get('x-content-type-options')).toBe('nosniff')
    expect(answer.body).toEqual({ 'og:title': '<script>alert(1)</script>', 'og:__proto__': 'x' })
  })

  it.each([
    ['[S-46] nested without end', '<div>'.repeat(300_000)],
    ['[S-46] nested and closed by others', `${'<a>'.repeat(100_000)}${'</b>'.repeat(100_000)}`],
    ['a tag that does not end', `<p ${'a '.repeat(400_000)}`],
    ['attributes without end', `<p ${'a="'.repeat(300_000)}`],
    ['comments that do not end', '<!--'.repeat(300_000)],
    ['entities', '&amp;&lt;&'.repeat(100_000)],
    ['brackets', '<'.repeat(1_000_000)],
    ['paragraphs', '<p>'.repeat(300_000)],
    ['meta elements', '<meta property="og:a" content="b">'.repeat(30_000)],
    ['spaces', `<title>${' '.repeat(1_000_000)}`],
  ])('does not keep others waiting: %s', async (_, body) => {
    const answer = await previewOf(`<meta property="og:title" content="T">${body}`)
    expect(answer['og:title']).toBe('T')
  })

  it('without a picture that can be had is one without a picture', async () => {
    web.put('/drawing.svg', { type: 'image/svg+xml', body: '<svg xmlns="http://www.w3.org/2000/svg"/>' })
    web.put('/broken.png', { type: 'image/png', body: (await picture(50, 50).png().toBuffer()).subarray(0, 40) })
    network.addHost('inside.test', ['10.0.0.1'])
    web.addHost('www.denied.test')
    network.attempts.length = 0
    // [S-53] Wherever it is said to be.
    const places = ['/drawing.svg', '/broken.png', '/missing.png', 'http://inside.test/a.png', 'http://127.0.0.1/a.png']
    for (const place of [...places, 'http://www.denied.test/cat.png']) {
      const html = `<title>T</title><meta property="og:image" content="${place}"><meta property="og:image:alt" content="x">`
      expect(await previewOf(html)).toEqual({ 'og:title': 'T' })
    }
    const addresses = new Set(network.attempts.map(({ address }) => address))
    expect(addresses.size).toBe(1)
    const drawings = await server.store.database.query(null, `select from media where content_type = 'image/svg+xml'`)
    expect(drawings).toEqual([])
  })

  it('[SEC-206] of a long page is that of its beginning, of a bomb none', async () => {
    web.put('/long', (_, response) => {
      const body = gzipSync(`<title>Long</title>${' '.repeat(30_000_000)}`)
      response.writeHead(200, { 'content-type': 'text/html', 'content-encoding': 'gzip' }).end(body)
      return undefined
    })
    expect((await preview('http://page.test/long')).body).toEqual({ 'og:title': 'Long' })
    web.put('/bomb.png', (_, response) => {
      const body = gzipSync(Buffer.concat([Buffer.from('\x89PNG\r\n\x1a\n', 'latin1'), Buffer.alloc(50_000_000)]))
      response.writeHead(200, { 'content-type': 'image/png', 'content-encoding': 'gzip' }).end(body)
      return undefined
    })
    expect(await preview('http://page.test/bomb.png')).toMatchObject({ status: 502, body: { errcode: 'M_UNKNOWN' } })
  })

  it('[SEC-205, S-50] of what is neither a page nor a picture is empty, and it is not read', async () => {
    let closed = false
    web.put('/radio', (_, response) => {
      response.writeHead(200, { 'content-type': 'audio/mpeg' }).write('noise')
      response.on('close', () => (closed = true))
      return undefined
    })
    expect(await preview('http://page.test/radio')).toMatchObject({ status: 200, body: {} })
    await expect.poll(() => closed, { timeout: 30_000 }).toBe(true)
  })
})

describe('an address', () => {
  it.each([
    ['http://127.0.0.1/', 403, 'M_UNKNOWN'],
    ['http://0x7f.1/', 403, 'M_UNKNOWN'],
    ['http://2130706433/', 403, 'M_UNKNOWN'],
    ['http://[::1]/', 403, 'M_UNKNOWN'],
    ['http://[::ffff:127.0.0.1]/', 403, 'M_UNKNOWN'],
    ['http://169.254.169.254/', 403, 'M_UNKNOWN'],
    ['http://0.0.0.0:8008/', 403, 'M_UNKNOWN'],
    ['http://inside.test/', 403, 'M_UNKNOWN'],
    ['http://www.denied.test/', 403, 'M_UNKNOWN'],
    ['http://u:p@page.test/', 403, 'M_UNKNOWN'],
    ['http://page.test:22/', 403, 'M_UNKNOWN'],
    ['http://page.test:6379/', 403, 'M_UNKNOWN'],
    ['http://nowhere.test/', 502, 'M_UNKNOWN'],
    ['http://page.test/missing', 502, 'M_UNKNOWN'],
    ['file:///etc/passwd', 400, 'M_UNKNOWN'],
    ['gopher://page.test/', 400, 'M_UNKNOWN'],
    ['data:text/html,x', 400, 'M_UNKNOWN'],
    ['javascript:alert(1)', 400, 'M_UNKNOWN'],
    ['page.test', 400, 'M_INVALID_PARAM'],
    ['', 400, 'M_INVALID_PARAM'],
    [`http://page.test/${'x'.repeat(5_000)}`, 400, 'M_INVALID_PARAM'],
  ])('[SEC-201, SEC-202, SEC-204, S-12, S-36] %s', async (url, status, errcode) => {
    network.addHost('inside.test', ['10.0.0.1'])
    web.addHost('www.denied.test')
    network.attempts.length = 0
    expect(await preview(url)).toMatchObject({ status, body: { errcode } })
    if (status !== 502) expect(network.attempts).toEqual([])
  })

  it('is for users only', async () => {
    const { status, body } = await preview('http://page.test/cat.png', server.anonymous)
    expect({ status, errcode: body['errcode'] }).toEqual({ status: 401, errcode: 'M_MISSING_TOKEN' })
  })

  it('[SEC-210] is visited once however many ask, also when there is nothing', async () => {
    const bob = await server.register('bob')
    web.put('/popular', { type: 'text/html', body: '<title>P</title>' })
    const answers = await Promise.all(Array.from({ length: 100 }, () => preview('http://page.test/popular', bob)))
    expect(new Set(answers.map(({ status, text }) => `${status} ${text}`))).toEqual(new Set(['200 {"og:title":"P"}']))
    expect(web.requestsTo('/popular')).toHaveLength(1)
    for (let i = 0; i < 3; i++) expect((await preview('http://page.test/gone', bob)).status).toBe(502)
    expect(web.requestsTo('/gone')).toHaveLength(1)
  })

  it('[SEC-210] of which one user asks for very many is refused', async () => {
    const carol = await server.register('carol')
    const answers = await Promise.all(
      Array.from({ length: 200 }, (_, i) => preview(`http://page.test/many/${i}`, carol)),
    )
    const refused = answers.filter(({ status }) => status === 429)
    expect(refused.length).toBeGreaterThan(50)
    expect(refused[0]!.body).toMatchObject({ errcode: 'M_LIMIT_EXCEEDED' })
  })

  it('is shown to a client library, with the picture', async () => {
    const dora = await server.register('dora')
    const client = createClient({
      baseUrl: server.url,
      logger: quiet,
      accessToken: dora.accessToken,
      userId: dora.userId,
    })
    web.put('/library', { type: 'text/html', body: '<title>L</title><meta property="og:image" content="/cat.png">' })
    const answer = await client.getUrlPreview('http://page.test/library', Date.now())
    expect(answer).toMatchObject({ 'og:title': 'L' })
    const url = client.mxcUrlToHttp(answer['og:image']!, 96, 96, 'crop', false, true, true)!
    const image = await fetch(url, { headers: { authorization: `Bearer ${dora.accessToken}` } })
    expect(image.status).toBe(200)
    expect(image.headers.get('content-type')).toBe('image/png')
  })
})

it('previews that have expired are made anew, and their pictures go', async () => {
  web.put('/news', { type: 'text/html', body: '<title>Old</title><meta property="og:image" content="/cat.png">' })
  const first = (await preview('http://page.test/news')).body
  web.put('/news', { type: 'text/html', body: '<title>New</title>' })
  expect((await preview('http://page.test/news')).body).toEqual(first)
  await server.store.database.query(null, 'update url_previews set expires_ts = 0')
  expect((await preview('http://page.test/news')).body).toEqual({ 'og:title': 'New' })
  const path = (first['og:image'] as string).slice('mxc://'.length)
  expect((await alice.request('GET', `/_matrix/client/v1/media/download/${path}`)).status).toBe(404)
  await server.store.database.query(null, 'update url_previews set expires_ts = 0')
  expect(await server.store.urlPreviews.deleteExpired(1, 10_000)).toBeGreaterThan(10)
  const left = await server.store.database.query(null, 'select from media where user_nid is null')
  expect(left).toEqual([])
})
