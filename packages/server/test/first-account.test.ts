import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createTestDatabase } from '@hearth/test-kit'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { startLogged } from './start-server.ts'

let dataDir: string

beforeAll(async () => {
  dataDir = await mkdtemp(join(tmpdir(), 'hearth-first-'))
})

afterAll(() => rm(dataDir, { recursive: true, force: true }))

async function start(databaseUrl: string) {
  const { server, lines } = await startLogged({
    HEARTH_PUBLIC_URL: 'https://chat.example.org',
    HEARTH_DATABASE_URL: databaseUrl,
    HEARTH_DATA_DIR: dataDir,
  })
  const token = /registration_token[:=" ]+([\w-]+)/.exec(lines.join(''))?.[1]
  return { server, lines, token }
}

it('every start prints the token and the link for the first account, until it has been used', async () => {
  await using database = await createTestDatabase()
  const first = await start(database.url)
  expect(first.token).toMatch(/^[\w-]{24}$/)
  expect(first.lines.join('')).toContain(`https://chat.example.org/_matrix/static/client/register/#${first.token}`)
  await first.server.stop()

  const { server, token } = await start(database.url)
  expect(token).toBe(first.token)
  const auth = { type: 'm.login.registration_token', token }
  const answer = await fetch(new URL('/_matrix/client/v3/register', server.urls[0]), {
    method: 'POST',
    body: JSON.stringify({ auth, username: 'admin', password: 'pw' }),
  })
  expect(answer.status).toBe(200)
  await answer.text()
  expect((await server.store.accounts.findByLocalpart(['admin']))?.isAdmin).toBe(true)
  await server.stop()

  const third = await start(database.url)
  expect(third.token).toBeUndefined()
  await third.server.stop()
})
