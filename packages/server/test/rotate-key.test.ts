import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createTestDatabase } from '@hearth/test-kit'
import { expect, it, onTestFinished } from 'vitest'
import { createLogger } from '@hearth/runtime'
import { loadConfig } from '../src/index.ts'
import { rotateKey } from '../src/compose/maintenance.ts'
import { startLogged } from './start-server.ts'

interface KeyDocument {
  readonly verify_keys: Readonly<Record<string, { readonly key: string }>>
  readonly old_verify_keys: Readonly<Record<string, { readonly key: string; readonly expired_ts: number }>>
}

it('a rotated key is published as an old one, from the next start on and for good', async () => {
  const dataDir = await mkdtemp(join(tmpdir(), 'hearth-rotate-'))
  const database = await createTestDatabase()
  onTestFinished(async () => {
    await database.drop()
    await rm(dataDir, { recursive: true })
  })
  const settings = { HEARTH_DATA_DIR: dataDir, HEARTH_DATABASE_URL: database.url, HEARTH_SERVER_NAME: 'here.test' }
  const published = async (): Promise<KeyDocument> => {
    const { server } = await startLogged(settings)
    try {
      return (await (await fetch(new URL('/_matrix/key/v2/server', server.urls[0]))).json()) as KeyDocument
    } finally {
      await server.stop()
    }
  }
  const rotate = () => {
    const { config } = loadConfig({ environment: settings, workingDirectory: dataDir })
    return rotateKey(config, createLogger({ level: 'error' }))
  }

  const first = await published()
  const [firstId] = Object.keys(first.verify_keys)
  const { retired, current } = await rotate()
  expect(retired).toBe(firstId)
  const second = await published()
  expect(Object.keys(second.verify_keys)).toEqual([current])
  expect(second.old_verify_keys[retired]?.key).toBe(first.verify_keys[retired]?.key)
  // Twice, without the server being started in between: that key is known as well.
  await rotate()
  const { current: last } = await rotate()
  const fourth = await published()
  expect(Object.keys(fourth.verify_keys)).toEqual([last])
  expect(Object.keys(fourth.old_verify_keys).length).toBe(3)
  expect(fourth.old_verify_keys[retired]).toEqual(second.old_verify_keys[retired])
})
