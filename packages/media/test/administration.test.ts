import { randomBytes } from 'node:crypto'
import { TestServer, type TestClient } from '@hearth/test-kit'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { administrationEndpoints } from '../src/index.ts'
import { MediaClient } from './media-client.ts'

const KiB = 1024
const admin = '/_synapse/admin/v1'

let server: TestServer
let root: TestClient
let people: Record<string, TestClient>
let files: Record<string, MediaClient>

beforeAll(async () => {
  const settings = {
    HEARTH_MEDIA_QUOTA_PER_USER: '100K',
    HEARTH_MEDIA_QUOTA_TOTAL: '400K',
    HEARTH_REGISTRATION_GUESTS: 'true',
    HEARTH_SUPPORT_EMAIL: 'help@hearth.test',
  }
  server = await TestServer.start({ settings })
  root = await server.register('root')
  const rootNid = (await server.store.users.find(root.userId as never))!
  await server.store.accounts.setAdmin(rootNid, true)
  people = {}
  files = {}
  for (const name of ['alice', 'bob', 'carol', 'dave', 'erin', 'frank']) {
    people[name] = await server.register(name)
    files[name] = new MediaClient(() => server.url, people[name])
  }
})
afterAll(() => server.stop())

const idOf = (path: string): string => path.split('/')[1]!
const bytes = (size = 100): Buffer => randomBytes(size)
const statusOf = async (path: string): Promise<number> => (await files['bob']!.download(path)).status

describe('administration', () => {
  it('[SEC-213] is for administrators only', async () => {
    const guest = (await server.anonymous.request('POST', 'register', { query: { kind: 'guest' }, body: {} })).body
    const others = [people['alice']!.accessToken, guest['access_token'] as string]
    for (const [operation, { method, path }] of Object.entries(administrationEndpoints)) {
      for (const each of [path].flat()) {
        const target = each.replaceAll(/:\w+/g, 'x')
        const query = { before_ts: 1 }
        const nobody = await server.anonymous.request(method, target, { query })
        expect(nobody, operation).toMatchObject({ status: 401, body: { errcode: 'M_MISSING_TOKEN' } })
        for (const token of others) {
          const headers = { authorization: `Bearer ${token}` }
          const answer = await server.anonymous.request(method, target, { query, headers })
          expect(answer, operation).toMatchObject({ status: 403, body: { errcode: 'M_FORBIDDEN' } })
        }
      }
    }
  })

  it('[SEC-218] is not for the scripts of web pages', async () => {
    const headers = { origin: 'https://page.test', 'access-control-request-method': 'POST' }
    const paths = Object.values(administrationEndpoints).flatMap(({ path }) => path)
    for (const path of [...paths, `${admin}/register`]) {
      const target = path.replaceAll(/:\w+/g, 'x')
      for (const method of ['OPTIONS', 'GET', 'POST']) {
        const answer = await server.anonymous.request(method, target, { headers })
        expect([...answer.headers.keys()].filter((name) => name.startsWith('access-control-'))).toEqual([])
      }
    }
  })

  it('[SEC-190] locks a file away, with all that have its content, and gives it free again', async () => {
    const content = bytes()
    const path = await files['alice']!.upload(content)
    const copy = await files['bob']!.upload(content)
    await root.post(`${admin}/media/quarantine/${path}`)
    for (const each of [path, copy]) expect(await statusOf(each)).toBe(404)
    const again = await files['bob']!.upload(content)
    expect(await statusOf(again)).toBe(404)
    expect((await root.get(`${admin}/media/${path}`))['media_info']).toMatchObject({
      media_origin: 'hearth.test',
      user_id: '@alice:hearth.test',
      media_id: idOf(path),
      media_length: 100,
      quarantined_by: root.userId,
      safe_from_quarantine: false,
    })
    await root.post(`${admin}/media/unquarantine/${path}`)
    for (const each of [path, copy, again]) expect(await statusOf(each)).toBe(200)
  })

  it('does not lock away what is protected', async () => {
    const path = await files['alice']!.upload(bytes())
    await root.post(`${admin}/media/protect/${idOf(path)}`)
    await root.post(`${admin}/media/quarantine/${path}`)
    expect(await statusOf(path)).toBe(200)
    await root.post(`${admin}/media/unprotect/${idOf(path)}`)
    await root.post(`${admin}/media/quarantine/${path}`)
    expect(await statusOf(path)).toBe(404)
    for (const verb of ['protect', 'unprotect']) {
      expect((await root.request('POST', `${admin}/media/${verb}/nothing`)).status).toBe(404)
    }
  })

  it('locks away what a user has sent, and lists it', async () => {
    const paths = [await files['carol']!.upload(bytes(10)), await files['carol']!.upload(bytes(30), { name: 'x.txt' })]
    const user = encodeURIComponent(people['carol']!.userId)
    const sorted = await root.get(`${admin}/users/${user}/media`, { order_by: 'media_length', dir: 'b', limit: 1 })
    expect(sorted).toMatchObject({
      total: 2,
      next_token: 1,
      media: [{ media_id: idOf(paths[1]!), upload_name: 'x.txt' }],
    })
    const rest = await root.get(`${admin}/users/${user}/media`, { order_by: 'media_length', dir: 'b', from: 1 })
    expect(rest).toMatchObject({ total: 2, media: [{ media_id: idOf(paths[0]!), media_length: 10 }] })
    expect(rest['next_token']).toBeUndefined()
    expect(await root.post(`${admin}/user/${user}/media/quarantine`)).toEqual({ num_quarantined: 2 })
    for (const each of paths) expect(await statusOf(each)).toBe(404)
    const nobody = await root.request('GET', `${admin}/users/@nobody:hearth.test/media`)
    expect(nobody).toMatchObject({ status: 404, body: { errcode: 'M_NOT_FOUND' } })
  })

  it('finds what is named in a room, and locks it away', async () => {
    const alice = people['alice']!
    const [picture, small, avatar, other] = await Promise.all([1, 2, 3, 4].map(() => files['alice']!.upload(bytes())))
    const room = await alice.createRoom()
    const info = { thumbnail_url: `mxc://${small}` }
    await alice.send(room, 'm.room.message', { msgtype: 'm.image', body: 'x', url: `mxc://${picture}`, info })
    await alice.send(room, 'm.room.message', { msgtype: 'm.image', body: 'x', url: 'mxc://far.test/remote' })
    await alice.setState(room, 'm.room.avatar', { url: `mxc://${avatar}` })
    await alice.sendText(room, `this is mxc://${other}`)
    const listed = (await root.get(`${admin}/room/${encodeURIComponent(room)}/media`)) as {
      local: string[]
      remote: string[]
    }
    expect(listed.local.toSorted()).toEqual([picture, small, avatar].map((path) => `mxc://${path}`).toSorted())
    expect(listed.remote).toEqual(['mxc://far.test/remote'])
    const locked = await root.post(`${admin}/room/${encodeURIComponent(room)}/media/quarantine`)
    expect(locked).toEqual({ num_quarantined: 3 })
    for (const each of [picture!, small!, avatar!]) expect(await statusOf(each)).toBe(404)
    expect(await statusOf(other!)).toBe(200)
    expect((await root.request('POST', `${admin}/quarantine_media/!none:hearth.test`)).status).toBe(404)
  })

  it('removes a file, what a user has sent, and what nobody has used', async () => {
    const bob = people['bob']!
    const one = await files['bob']!.upload(bytes())
    expect(await root.expect('DELETE', `${admin}/media/${one}`)).toEqual({ deleted_media: [idOf(one)], total: 1 })
    expect(await statusOf(one)).toBe(404)
    expect((await root.request('DELETE', `${admin}/media/${one}`)).status).toBe(404)
    expect((await root.request('DELETE', `${admin}/media/far.test/x`)).status).toBe(400)

    const [small, large, shown, kept] = [
      await files['bob']!.upload(bytes(10)),
      await files['bob']!.upload(bytes(5 * KiB)),
      await files['bob']!.upload(bytes(6 * KiB)),
      await files['bob']!.upload(bytes(7 * KiB)),
    ]
    await bob.put(`profile/${bob.userId}/avatar_url`, { avatar_url: `mxc://${shown}` })
    await root.post(`${admin}/media/protect/${idOf(kept)}`)
    const early = await root.expect('POST', `${admin}/media/delete`, { query: { before_ts: 1_000 } })
    expect(early).toEqual({ deleted_media: [], total: 0 })
    const query = { before_ts: Date.now() + 60_000, size_gt: 4 * KiB }
    const old = await root.expect('POST', `${admin}/media/delete`, { query })
    expect(old).toEqual({ deleted_media: [idOf(large)], total: 1 })
    const all = await root.expect('POST', `${admin}/media/hearth.test/delete`, {
      query: { ...query, keep_profiles: false },
    })
    expect(all).toEqual({ deleted_media: [idOf(shown)], total: 1 })
    expect(await Promise.all([small, large, shown, kept].map(statusOf))).toEqual([200, 404, 404, 200])
    const own = await root.expect('DELETE', `${admin}/users/${bob.userId}/media`, { query: { limit: 1_000 } })
    expect(own['deleted_media']).toContain(idOf(small))
    expect(await statusOf(small)).toBe(404)
  })

  it('removes files of other servers that nobody has used', async () => {
    const path = await files['dave']!.upload(bytes())
    const far = await server.store.servers.intern('far.test' as never)
    await server.store.database.query(null, 'update media set server_nid = $1, user_nid = null where media_id = $2', [
      far,
      idOf(path),
    ])
    expect(await root.expect('POST', `${admin}/purge_media_cache`, { query: { before_ts: 1_000 } })).toEqual({
      deleted: 0,
    })
    const purged = await root.expect('POST', `${admin}/purge_media_cache`, {
      query: { before_ts: Date.now() + 60_000 },
    })
    expect(purged).toEqual({ deleted: 1 })
    expect((await root.request('POST', `${admin}/purge_media_cache`)).body).toMatchObject({
      errcode: 'M_MISSING_PARAM',
    })
  })
})

describe('what users may send', () => {
  it('is limited for each, and what is deleted counts no longer', async () => {
    const dave = files['dave']!
    const first = await dave.upload(bytes(60 * KiB))
    const send = () => dave.request('POST', '/_matrix/media/v3/upload', { body: bytes(60 * KiB) })
    expect(await send()).toMatchObject({ status: 403, body: { errcode: 'M_USER_LIMIT_EXCEEDED' } })
    const reserved = (await dave.request('POST', '/_matrix/media/v1/create')).body['content_uri'] as string
    const target = reserved.replace('mxc://', '/_matrix/media/v3/upload/')
    const late = await dave.request('PUT', target, { body: bytes(60 * KiB) })
    expect(late).toMatchObject({ status: 403, body: { errcode: 'M_USER_LIMIT_EXCEEDED' } })
    await root.expect('DELETE', `${admin}/media/${first}`)
    expect((await dave.request('PUT', target, { body: bytes(60 * KiB) })).status).toBe(200)
  })

  it('is not exceeded by many at once', async () => {
    const erin = files['erin']!
    const sent = await Promise.all(
      Array.from({ length: 6 }, () => erin.request('POST', '/_matrix/media/v3/upload', { body: bytes(30 * KiB) })),
    )
    expect(sent.filter(({ status }) => status === 200)).toHaveLength(3)
  })

  it('is limited for all together, and the refusal says whom to ask', async () => {
    const frank = files['frank']!
    await frank.upload(bytes(90 * KiB))
    await new MediaClient(() => server.url, await server.register('grace')).upload(bytes(99 * KiB))
    const late = new MediaClient(() => server.url, await server.register('heidi'))
    const answer = await late.request('POST', '/_matrix/media/v3/upload', { body: bytes(99 * KiB) })
    expect(answer).toMatchObject({
      status: 403,
      body: { errcode: 'M_RESOURCE_LIMIT_EXCEEDED', admin_contact: 'mailto:help@hearth.test' },
    })
  })

  it('is removed with an account that is erased, unless it is evidence, and stays with one that is only closed', async () => {
    const [erased, closed] = [await server.register('ivan', 'pw'), await server.register('judy', 'pw')]
    const evidence = await new MediaClient(() => server.url, erased).upload(bytes())
    await root.post(`${admin}/media/quarantine/${evidence}`)
    const paths: string[] = []
    for (const [person, erase] of [
      [erased, true],
      [closed, false],
    ] as const) {
      paths.push(await new MediaClient(() => server.url, person).upload(bytes()))
      const identifier = { type: 'm.id.user', user: person.userId }
      await person.post('account/deactivate', { erase, auth: { type: 'm.login.password', identifier, password: 'pw' } })
    }
    await expect.poll(() => statusOf(paths[0]!), { timeout: 50_000 }).toBe(404)
    expect(await statusOf(paths[1]!)).toBe(200)
    // The job is done when nothing else is left.
    const jobs = `select from jobs where kind = 'delete-media'`
    await expect.poll(() => server.store.database.query(null, jobs), { timeout: 50_000 }).toEqual([])
    expect((await root.get(`${admin}/media/${evidence}`))['media_info']).toMatchObject({ user_id: erased.userId })
  })
})
