import { spawnSync } from 'node:child_process'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { HearthProcess } from './hearth-process.ts'

const api = '/_matrix/client/v3'
const ready = /ready server_name=hearth\.test url=(http:\S+) database=embedded version=\d+\.\d+\.\d+/
const password = 'correct horse battery staple'

let dataDir: string
let settings: Record<string, string>

beforeAll(async () => {
  // The script runs what was built. What is wrong with types does not keep it from being built.
  spawnSync('tsc', ['-b', 'packages/server'], { cwd: join(import.meta.dirname, '../../..') })
  dataDir = await mkdtemp(join(tmpdir(), 'hearth-process-'))
  settings = { HEARTH_DATA_DIR: dataDir, HEARTH_LISTEN: 'http://127.0.0.1:0', HEARTH_SERVER_NAME: 'hearth.test' }
}, 300_000)

afterAll(() => rm(dataDir, { recursive: true, force: true }))

async function call(url: string, options: { token?: string; body?: unknown } = {}) {
  const response = await fetch(url, {
    ...(options.body !== undefined && { method: 'POST', body: JSON.stringify(options.body) }),
    headers: options.token === undefined ? {} : { authorization: `Bearer ${options.token}` },
  })
  return { status: response.status, body: (await response.json()) as Record<string, string>, headers: response.headers }
}

function register(url: string, username: string, registrationToken: string) {
  const auth = { type: 'm.login.registration_token', token: registrationToken }
  return call(`${url}${api}/register`, { body: { auth, username, password } })
}

describe('the server as a process', () => {
  let accessToken: string
  let roomId: string

  it('serves, has the first administrator registered, refuses company, and stops in good order', async () => {
    await using server = new HearthProcess(['start'], settings)
    const [, url = ''] = await server.until(ready)
    const health = await call(`${url}/health`)
    expect(health).toMatchObject({ status: 200, body: { status: 'ok' } })
    expect(health.headers.get('x-request-id')).toMatch(/\S/)

    const [, token] = await server.until(/registration_token: ([\w-]{24}) or at http:\S+\/register\/#\1/)
    const admin = await register(url, 'admin', token!)
    expect(admin.status).toBe(200)
    accessToken = admin.body['access_token']!
    roomId = (await call(`${url}${api}/createRoom`, { token: accessToken, body: {} })).body['room_id']!

    await using second = new HearthProcess(['start'], settings)
    expect(await second.exited).toEqual({ code: 1, signal: null })
    expect(second.error).toMatch(/^hearth: \S+ is in use by another Hearth process \(pid \d+\)\. .*\n$/)
    expect(second.error).toContain(`pid ${server.pid})`)

    const first = await call(`${url}${api}/sync`, { token: accessToken })
    const since = first.body['next_batch']!
    const waiting = call(`${url}${api}/sync?since=${since}&timeout=30000`, { token: accessToken })
    await untilSomebodyWaits(url)
    const end = await server.end('SIGTERM')
    expect(end).toMatchObject({ code: 0, signal: null })
    expect(end.tookMs).toBeLessThan(10_000)
    expect(await waiting).toMatchObject({ status: 200, body: { next_batch: since } })
  }, 60_000)

  it('creates a registration token while it is stopped, and knows accounts and rooms when it is back', async () => {
    await using command = new HearthProcess(['create-token', '--uses', '1', '--expires', '1h'], settings)
    expect(await command.exited).toEqual({ code: 0, signal: null })
    const [token = '', link] = command.out.split('\n')
    expect(link).toMatch(new RegExp(`/register/#${token}$`))

    await using server = new HearthProcess(['start'], settings)
    const [, url = ''] = await server.until(ready)
    const joined = await call(`${url}${api}/joined_rooms`, { token: accessToken })
    expect(joined.body).toEqual({ joined_rooms: [roomId] })
    const login = { type: 'm.login.password', identifier: { type: 'm.id.user', user: 'admin' }, password }
    expect((await call(`${url}${api}/login`, { body: login })).status).toBe(200)
    expect((await register(url, 'bob', token)).status).toBe(200)
    expect((await register(url, 'carol', token)).status).toBe(401)
    expect(await server.end('SIGINT')).toMatchObject({ code: 0, signal: null })
    expect(server.out).not.toContain('registration_token')
  }, 60_000)
})

async function untilSomebodyWaits(url: string): Promise<void> {
  for (;;) {
    const text = await (await fetch(`${url}/metrics`)).text()
    if (text.includes('hearth_sync_waiters 1')) return
  }
}
