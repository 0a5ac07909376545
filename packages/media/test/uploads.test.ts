import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { mkdtemp, readdir, rm } from 'node:fs/promises'
import { connect } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import { TestServer, type TestClient } from '@hearth/test-kit'
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import { MediaClient, mxcPath, send } from './media-client.ts'

let server: TestServer
let directory: string
let people: TestClient[]
let alice: MediaClient
let bob: MediaClient

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'hearth-media-'))
  const settings = { HEARTH_MEDIA_DIRECTORY: directory, HEARTH_MEDIA_MAX_UPLOAD_SIZE: '1M' }
  server = await TestServer.start({ settings })
  people = [await server.register('alice'), await server.register('bob')]
  ;[alice, bob] = people.map((person) => new MediaClient(() => server.url, person)) as [MediaClient, MediaClient]
})
afterAll(async () => {
  await server.stop()
  await rm(directory, { recursive: true })
})

const MiB = 1024 * 1024
const incoming = (): Promise<string[]> => readdir(join(directory, 'incoming'))
const countOf = async (what: string): Promise<number> => {
  const rows = await server.store.database.query<{ count: number }>(null, `select count(*) as count from ${what}`)
  return rows[0]!.count
}

describe('uploads', () => {
  it('[C-154] [H-24] gives a file an mxc URI, under which everybody here gets it back', async () => {
    for (const version of ['v3', 'r0', 'v1']) {
      const bytes = randomBytes(200_000)
      const headers = { 'content-type': 'image/png' }
      const answer = await alice.request('POST', `/_matrix/media/${version}/upload`, { headers, body: bytes })
      expect(answer.body['content_uri']).toMatch(/^mxc:\/\/hearth\.test\/[\w-]{24}$/)
      const got = await bob.download(mxcPath(answer))
      expect([got.status, got.headers['content-type'], got.bytes.equals(bytes)]).toEqual([200, 'image/png', true])
    }
  })

  it('says what may be sent', async () => {
    for (const path of ['client/v1/media', 'media/v3', 'media/r0']) {
      expect((await alice.request('GET', `/_matrix/${path}/config`)).body).toEqual({ 'm.upload.size': MiB })
      expect((await send(server.url, 'GET', `/_matrix/${path}/config`)).body).toMatchObject({
        errcode: 'M_MISSING_TOKEN',
      })
    }
  })

  it('[SEC-178] refuses what is too large, whatever is said of its length, and keeps nothing of it', async () => {
    const before = await countOf('media')
    const target = '/_matrix/media/v3/upload'
    const said = await alice.request('POST', target, { body: Buffer.alloc(MiB + 1) })
    expect(said).toMatchObject({ status: 413, body: { errcode: 'M_TOO_LARGE' } })
    const chunked = Readable.from(Array.from({ length: 40 }, () => randomBytes(64 * 1024)))
    expect(await alice.request('POST', target, { body: chunked })).toMatchObject({ status: 413 })
    expect(await alice.upload(Buffer.alloc(MiB))).toMatch(/^hearth\.test\//)
    expect(await alice.upload(Readable.from([Buffer.from('in '), Buffer.from('chunks')]))).toMatch(/^hearth\.test\//)
    expect(await countOf('media')).toBe(before + 2)
    expect(await incoming()).toEqual([])
  })

  it('takes empty files', async () => {
    const got = await bob.download(await alice.upload(''))
    expect([got.status, got.headers['content-length'], got.bytes.length]).toEqual([200, '0', 0])
  })

  it('keeps equal contents once, under ids of their own', async () => {
    const bytes = randomBytes(100_000)
    const before = await countOf('media_blobs')
    const ids = await Promise.all(Array.from({ length: 6 }, () => alice.upload(bytes)))
    expect(new Set(ids).size).toBe(6)
    expect(await countOf('media_blobs')).toBe(before + 1)
  })

  it('leaves nothing of a file whose client goes away', async () => {
    const before = await countOf('media')
    const { port, hostname } = new URL(server.url)
    const socket = connect(Number(port), hostname)
    await once(socket, 'connect')
    socket.write(
      `POST /_matrix/media/v3/upload HTTP/1.1\r\nHost: x\r\nContent-Length: 500000\r\n` +
        `Authorization: Bearer ${people[0]!.accessToken}\r\n\r\n${'x'.repeat(100_000)}`,
    )
    await vi.waitFor(async () => expect(await incoming()).toHaveLength(1), { timeout: 60_000 })
    socket.destroy()
    await vi.waitFor(async () => expect(await incoming()).toEqual([]), { timeout: 60_000 })
    expect(await countOf('media')).toBe(before)
  })

  it('is for users of this server', async () => {
    for (const [method, target] of [
      ['POST', 'v3/upload'],
      ['POST', 'v1/create'],
      ['PUT', 'v3/upload/hearth.test/x'],
    ]) {
      const answer = await send(server.url, method!, `/_matrix/media/${target}`, { body: 'x' })
      expect(answer).toMatchObject({ status: 401, body: { errcode: 'M_MISSING_TOKEN' } })
    }
  })

  it('[S-11] gives out ids that nobody can guess', async () => {
    const ids = await Promise.all(Array.from({ length: 50 }, () => alice.upload('guess me')))
    const bits = ids.map((id) => Buffer.from(id.split('/')[1]!, 'base64url').length * 8)
    expect([new Set(ids).size, Math.min(...bits)]).toEqual([50, 144])
  })
})

describe('uploads to an id that was given out before', () => {
  const create = async (client: MediaClient): Promise<{ path: string; expires: number }> => {
    const answer = await client.request('POST', '/_matrix/media/v1/create')
    expect(answer.status).toBe(200)
    return { path: mxcPath(answer), expires: answer.body['unused_expires_at'] as number }
  }
  const fill = (client: MediaClient, path: string, body = 'content') =>
    client.request('PUT', `/_matrix/media/v3/upload/${path}?filename=a.txt`, {
      body,
      headers: { 'content-type': 'text/plain' },
    })

  it('are there for those who wait for them', async () => {
    const { path, expires } = await create(alice)
    expect(expires).toBeGreaterThan(Date.now())
    const early = bob.download(`${path}?timeout_ms=60000`)
    expect(await fill(alice, path)).toMatchObject({ status: 200, body: {} })
    expect((await early).bytes.toString()).toBe('content')
    expect((await bob.download(path)).headers['content-disposition']).toBe('inline; filename="a.txt"')
  })

  it('[SEC-184] are the user’s who has the id, once, and while it is kept', async () => {
    const { path } = await create(alice)
    const missing = await bob.download(`${path}?timeout_ms=0`)
    expect(missing).toMatchObject({ status: 504, body: { errcode: 'M_NOT_YET_UPLOADED' } })
    expect(await fill(bob, path)).toMatchObject({ status: 403, body: { errcode: 'M_FORBIDDEN' } })
    const both = await Promise.all([fill(alice, path), fill(alice, path)])
    expect(both.map(({ status }) => status).sort()).toEqual([200, 409])
    const twice = await fill(alice, path, 'other')
    expect(twice).toMatchObject({ status: 409, body: { errcode: 'M_CANNOT_OVERWRITE_MEDIA' } })
    expect((await bob.download(path)).bytes.toString()).toBe('content')
    const late = await create(alice)
    await server.store.database.execute(null, 'update media set expires_ts = 1 where blob_hash is null')
    expect(await fill(alice, late.path)).toMatchObject({ status: 404, body: { errcode: 'M_NOT_FOUND' } })
    expect(await bob.download(late.path)).toMatchObject({ status: 404, body: { errcode: 'M_NOT_FOUND' } })
    for (const unknown of ['hearth.test/unknown', 'elsewhere.test/unknown', 'hearth.test/..%2f..']) {
      expect(await fill(alice, unknown)).toMatchObject({ status: 404, body: { errcode: 'M_NOT_FOUND' } })
    }
  })

  it('[SEC-184] can be reserved for a few at a time', async () => {
    const answers = []
    for (let n = 0; n < 51; n += 1) answers.push(await bob.request('POST', '/_matrix/media/v1/create'))
    expect(answers.slice(0, 50).every(({ status }) => status === 200)).toBe(true)
    expect(answers[50]).toMatchObject({ status: 429, body: { errcode: 'M_LIMIT_EXCEEDED' } })
    expect(await fill(bob, mxcPath(answers[0]!))).toMatchObject({ status: 200 })
    expect(await bob.request('POST', '/_matrix/media/v1/create')).toMatchObject({ status: 200 })
  })

  it('[SEC-185] are waited for by each for a few at a time', async () => {
    const { path } = await create(alice)
    const waiting = Array.from({ length: 30 }, () => alice.download(`${path}?timeout_ms=1000000000000`))
    const refused = await Promise.race(waiting)
    expect(refused).toMatchObject({ status: 429, body: { errcode: 'M_LIMIT_EXCEEDED' } })
    await fill(alice, path)
    const statuses = (await Promise.all(waiting)).map(({ status }) => status)
    expect(statuses.filter((status) => status === 200)).toHaveLength(20)
    expect(await alice.download(`${path}?timeout_ms=-1`)).toMatchObject({ status: 200 })
    expect(await alice.download(`${(await create(alice)).path}?timeout_ms=-1`)).toMatchObject({ status: 400 })
  })
})
