import { mkdtemp, readdir, rm } from 'node:fs/promises'
import { createServer, type AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createTestDatabase, type TestDatabase } from '@hearth/test-kit'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { startLogged } from './start-server.ts'

let database: TestDatabase
let dataDir: string
let settings: Record<string, string>

beforeEach(async () => {
  database = await createTestDatabase()
  dataDir = await mkdtemp(join(tmpdir(), 'hearth-places-'))
  settings = { HEARTH_DATABASE_URL: database.url, HEARTH_DATA_DIR: dataDir }
})

afterEach(async () => {
  await database.drop()
  await rm(dataDir, { recursive: true, force: true })
})

const locks = async () => (await readdir(dataDir)).filter((name) => name.startsWith('hearth.lock'))

describe('a data directory', () => {
  it('is one server’s alone, with an external database too, until that one has stopped', async () => {
    const { server } = await startLogged(settings)
    await expect(startLogged(settings)).rejects.toThrow('is in use by another Hearth process')
    expect(await locks()).toHaveLength(1)
    await server.stop()
    expect(await locks()).toEqual([])
    const again = await startLogged(settings)
    await again.server.stop()
  })

  it('is given back when the server cannot start', async () => {
    const { server } = await startLogged(settings)
    const other = await mkdtemp(join(tmpdir(), 'hearth-places-'))
    await expect(startLogged({ ...settings, HEARTH_DATA_DIR: other, HEARTH_LISTEN: server.urls[0]! })).rejects.toThrow(
      'EADDRINUSE',
    )
    expect((await readdir(other)).filter((name) => name.startsWith('hearth.lock'))).toEqual([])
    await server.stop()
    await rm(other, { recursive: true })
  })
})

describe('metrics.listen', () => {
  it('has the figures for everyone, and the other addresses no more', async () => {
    const metricsUrl = `http://127.0.0.1:${await freePort()}`
    const { server } = await startLogged({ ...settings, HEARTH_METRICS_LISTEN: metricsUrl })
    const forwarded = { headers: { 'x-forwarded-for': '203.0.113.7' } }
    const figures = await fetch(`${metricsUrl}/metrics`, forwarded)
    expect(figures.status).toBe(200)
    expect(await figures.text()).toMatch(/^hearth_http_requests_in_flight /m)
    expect((await fetch(`${metricsUrl}/health`)).status).toBe(200)
    expect((await fetch(`${metricsUrl}/_matrix/client/versions`)).status).toBe(404)
    expect((await fetch(`${server.urls[0]!}/metrics`)).status).toBe(404)
    await server.stop()
  })
})

async function freePort(): Promise<number> {
  const server = createServer()
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  await new Promise((resolve) => server.close(resolve))
  return port
}
