import { createHash } from 'node:crypto'
import { FakeNetwork, FakePeer, TestCa, TestServer } from '@hearth/test-kit'
import sharp from 'sharp'
import { writeFile } from 'node:fs/promises'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { frames, picture, pngThatClaims } from './images/pictures.ts'
import { MediaClient, send, type MediaAnswer } from './media-client.ts'

let directory: string
let ca: TestCa
let peer: FakePeer
let server: TestServer
let alice: MediaClient

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'hearth-thumbnails-'))
  ca = await TestCa.create()
  const network = new FakeNetwork()
  peer = await FakePeer.start({ ca, network, name: 'peer.test' })
  const caFile = join(directory, 'ca.pem')
  await writeFile(caFile, ca.certificate)
  server = await TestServer.start({ network, settings: { HEARTH_NETWORK_CA_FILE: caFile } })
  alice = new MediaClient(() => server.url, await server.register('alice'))
})
afterAll(async () => {
  await server.stop()
  await peer[Symbol.asyncDispose]()
  await ca[Symbol.asyncDispose]()
  await rm(directory, { recursive: true })
})

const thumbnail = (path: string, query: string): Promise<MediaAnswer> =>
  alice.request('GET', `/_matrix/client/v1/media/thumbnail/${path}?${query}`)

async function shapeOf({ status, headers, bytes }: MediaAnswer) {
  const { width, height, pages = 1 } = await sharp(bytes, { animated: true }).metadata()
  return { status, type: headers['content-type'], width, height, pages }
}

const countOfThumbnails = async (): Promise<number> => {
  const rows = await server.store.database.query<{ count: number }>(
    null,
    'select count(*) as count from media_thumbnails',
  )
  return rows[0]!.count
}

describe('thumbnails', () => {
  it('are of the next larger size, with the proportions of the picture or of the wish', async () => {
    const path = await alice.upload(await picture(2_000, 1_000).jpeg().toBuffer(), { type: 'image/jpeg' })
    const sizes = async (query: string) => {
      const { width, height } = await shapeOf(await thumbnail(path, query))
      return `${width}x${height}`
    }
    expect(await sizes('width=30&height=20&method=crop')).toBe('32x32')
    expect(await sizes('width=33&height=32&method=crop')).toBe('96x96')
    expect(await sizes('width=200&height=200&method=crop')).toBe('256x256')
    expect(await sizes('width=64&height=64&method=scale')).toBe('320x160')
    expect(await sizes('width=640&height=480')).toBe('640x320')
    expect(await sizes('width=641&height=100')).toBe('800x400')
    expect(await sizes('width=5000&height=5000')).toBe('1600x800')
  })

  it('come with the headers of files, and can be asked for again with what is known of them', async () => {
    const path = await alice.upload(await picture(500, 500).png().toBuffer(), { type: 'text/html', name: 'x.html' })
    const first = await thumbnail(path, 'width=96&height=96&method=crop')
    expect(await shapeOf(first)).toEqual({ status: 200, type: 'image/png', width: 96, height: 96, pages: 1 })
    expect(first.headers).toMatchObject({
      'content-disposition': 'inline; filename="thumbnail.png"',
      'cross-origin-resource-policy': 'cross-origin',
      'x-content-type-options': 'nosniff',
    })
    expect(first.headers['content-security-policy']).toContain('sandbox')
    const etag = String(first.headers.etag)
    const target = `/_matrix/client/v1/media/thumbnail/${path}?width=96&height=96&method=crop`
    expect((await alice.request('GET', target, { headers: { 'if-none-match': etag } })).status).toBe(304)
  })

  it('move where that is wanted', async () => {
    const path = await alice.upload(await frames(200, 200, 4).gif().toBuffer(), { type: 'image/gif' })
    const query = 'width=96&height=96&method=crop'
    expect(await shapeOf(await thumbnail(path, `${query}&animated=true`))).toMatchObject({
      type: 'image/webp',
      pages: 4,
    })
    expect(await shapeOf(await thumbnail(path, `${query}&animated=false`))).toMatchObject({
      type: 'image/png',
      pages: 1,
    })
    expect(await shapeOf(await thumbnail(path, query))).toMatchObject({ type: 'image/png', pages: 1 })
  })

  it('[SEC-198] are made once for each size that there is, however many ask for however many', async () => {
    const path = await alice.upload(await picture(900, 900, '#123456').png().toBuffer())
    const before = await countOfThumbnails()
    const answers = await Promise.all(
      Array.from({ length: 60 }, (_, i) => thumbnail(path, `width=${100 + i}&height=${100 + i}&method=crop`)),
    )
    expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([200]))
    expect(await countOfThumbnails()).toBe(before + 1)
    // The same content under another name has the same ones.
    const again = await alice.upload(await picture(900, 900, '#123456').png().toBuffer())
    expect((await thumbnail(again, 'width=256&height=256&method=crop')).bytes).toEqual(answers[0]!.bytes)
    expect(await countOfThumbnails()).toBe(before + 1)
  })

  it('are for nobody in particular only of what is not frozen', async () => {
    const path = await alice.upload(await picture(100, 100).png().toBuffer())
    const target = `/_matrix/media/v3/thumbnail/${path}?width=32&height=32&method=crop`
    expect(await send(server.url, 'GET', target)).toMatchObject({ status: 404, body: { errcode: 'M_NOT_FOUND' } })
    await server.store.database.query(null, 'update media set frozen = false where media_id = $1', [
      path.split('/')[1]!,
    ])
    expect(await shapeOf(await send(server.url, 'GET', target))).toMatchObject({ status: 200, width: 32 })
    expect((await send(server.url, 'GET', `/_matrix/client/v1/media/thumbnail/${path}?width=9&height=9`)).status).toBe(
      401,
    )
  })

  it('are made of what other servers have, which the browser cannot reach, too', async () => {
    const file = await picture(400, 200).webp().toBuffer()
    const parts = [
      '--b\r\ncontent-type: application/json\r\n\r\n{}\r\n--b\r\ncontent-type: image/webp\r\n\r\n',
      '\r\n--b--\r\n',
    ]
    peer.on('GET', /^\/_matrix\/federation\/v1\/media\/download\/far/, (_, response) => {
      response.writeHead(200, { 'content-type': 'multipart/mixed; boundary=b' })
      response.end(Buffer.concat([Buffer.from(parts[0]!), file, Buffer.from(parts[1]!)]))
      return undefined
    })
    const answers = await Promise.all([1, 2, 3].map(() => thumbnail('peer.test/far', 'width=96&height=96')))
    for (const answer of answers) expect(await shapeOf(answer)).toMatchObject({ status: 200, width: 320, height: 160 })
    expect(peer.requestsTo(/media\/download\/far/)).toHaveLength(1)
    const bomb = pngThatClaims(16_000, 16_000)
    peer.on('GET', /^\/_matrix\/federation\/v1\/media\/download\/bomb/, (_, response) => {
      response.writeHead(200, { 'content-type': 'multipart/mixed; boundary=b' })
      response.end(Buffer.concat([Buffer.from(parts[0]!), bomb, Buffer.from(parts[1]!)]))
      return undefined
    })
    expect(await thumbnail('peer.test/bomb', 'width=96&height=96')).toMatchObject({
      status: 502,
      body: { errcode: 'M_TOO_LARGE' },
    })
  })
})

describe('there is no thumbnail', () => {
  it.each(['<svg xmlns="http://www.w3.org/2000/svg"/>', '%PDF-1.7', 'text', ''])(
    '[SEC-196, SEC-200] of %j, although it is called a picture',
    async (text) => {
      const path = await alice.upload(text, { type: 'image/png' })
      for (let i = 0; i < 2; i++) {
        const answer = await thumbnail(path, 'width=96&height=96')
        expect(answer).toMatchObject({ status: 400, body: { errcode: 'M_UNKNOWN' } })
      }
    },
  )

  it('[SEC-193] of a picture that is too large', async () => {
    const path = await alice.upload(pngThatClaims(65_000, 65_000), { type: 'image/png' })
    expect(await thumbnail(path, 'width=96&height=96')).toMatchObject({ status: 413, body: { errcode: 'M_TOO_LARGE' } })
  })

  it('[SEC-200] of a picture that is cut short', async () => {
    const whole = await sharp(createHash('sha512').update('x').digest(), { raw: { width: 8, height: 8, channels: 1 } })
      .resize(600, 600)
      .jpeg()
      .toBuffer()
    const path = await alice.upload(whole.subarray(0, whole.length / 2), { type: 'image/jpeg' })
    expect(await thumbnail(path, 'width=96&height=96')).toMatchObject({ status: 400, body: { errcode: 'M_UNKNOWN' } })
  })

  it.each([
    ['width=-1&height=96', 'M_INVALID_PARAM'],
    ['width=0&height=96', 'M_INVALID_PARAM'],
    ['width=1000000000&height=96', 'M_INVALID_PARAM'],
    ['width=1e9&height=96', 'M_INVALID_PARAM'],
    ['width=a&height=96', 'M_INVALID_PARAM'],
    ['width=96&height=96&method=x', 'M_INVALID_PARAM'],
    ['width=96&height=96&animated=1', 'M_INVALID_PARAM'],
    ['width=96', 'M_MISSING_PARAM'],
    ['', 'M_MISSING_PARAM'],
  ])('[SEC-197] for the query "%s"', async (query, errcode) => {
    const path = await alice.upload('text')
    expect(await thumbnail(path, query)).toMatchObject({ status: 400, body: { errcode } })
  })

  it('of what is not there, or is not to be seen', async () => {
    const nowhere = await thumbnail('hearth.test/nothing', 'width=96&height=96')
    expect(nowhere).toMatchObject({ status: 404, body: { errcode: 'M_NOT_FOUND' } })
    const path = await alice.upload(await picture(100, 100, '#999999').png().toBuffer())
    expect((await thumbnail(path, 'width=96&height=96')).status).toBe(200)
    await server.store.database.query(null, `update media set quarantined_by = '@a:b' where media_id = $1`, [
      path.split('/')[1]!,
    ])
    expect((await thumbnail(path, 'width=96&height=96')).status).toBe(404)
  })
})
